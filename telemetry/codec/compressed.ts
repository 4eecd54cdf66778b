/** A codec whose payloads travel as gzip [RFC 1952] or zlib [RFC 1950]. */
import { deflateSync, gunzipSync, gzipSync, inflateSync, type ZlibOptions } from 'node:zlib'
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Codec } from '../reading.ts'
import type { Compression } from '../route.ts'

/** With `info`, zlib answers its engine too, which knows how much of the input it used. Missing from @types/node. */
type Inflated = { buffer: Buffer; engine: { bytesWritten: number } }

export function compressed(codec: Codec, compression: Exclude<Compression, 'none'>): Codec {
  const [inflate, deflate] = compression === 'gzip' ? [gunzipSync, gzipSync] : [inflateSync, deflateSync]
  const options: ZlibOptions = { maxOutputLength: limits.inflatedBytesMax, info: true }

  function inflated(payload: Buffer): Buffer | MessageProblem {
    try {
      const { buffer, engine } = inflate(payload, options) as unknown as Inflated
      const rest = payload.length - engine.bytesWritten
      if (rest === 0) return buffer
      return {
        code: 'bad_payload',
        detail: `${rest} bytes stand behind the end of the ${compression} data, none wanted`,
      }
    } catch (error) {
      const isTooLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      const detail = isTooLong
        ? `inflates to more than ${limits.inflatedBytesMax} bytes`
        : `${payload.length} bytes are not ${compression} data: ${(error as Error).message}`
      return { code: 'bad_payload', detail }
    }
  }

  return {
    decode(payload, context) {
      const plain = inflated(payload)
      return Buffer.isBuffer(plain) ? codec.decode(plain, context) : plain
    },
    encode: (reports) => deflate(codec.encode(reports)),
  }
}
