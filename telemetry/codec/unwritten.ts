import type { Codec } from '../reading.ts'

export const unwritten: Codec = {
  decode: () => ({ code: 'bad_payload', detail: 'this codec is not written yet' }),
  encode: () => Buffer.alloc(0),
}
