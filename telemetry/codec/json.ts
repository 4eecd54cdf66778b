/** JSON of any shape: a TreeLayout says where the readings stand in it. */
import { isUtf8 } from 'node:buffer'
import type { Codec } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { excerpt } from './shown.ts'
import { createTreeReader } from './tree.ts'
import { createTreeWriter } from './tree-write.ts'

/** @throws Error for a path of the layout that cannot be read */
export function createJsonCodec(layout: TreeLayout): Codec {
  const read = createTreeReader(layout)
  const write = createTreeWriter('json', layout)
  return {
    decode(payload) {
      if (!isUtf8(payload)) return { code: 'bad_payload', detail: 'the payload is not UTF-8, JSON wanted' }
      const text = payload.toString('utf8')
      let root: unknown
      try {
        root = JSON.parse(text)
      } catch (error) {
        return { code: 'bad_payload', detail: `"${excerpt(text)}" is not JSON: ${(error as Error).message}` }
      }
      return read(root)
    },
    encode: (reports) => Buffer.from(JSON.stringify(write(reports))),
  }
}
