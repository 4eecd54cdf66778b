/** What the cbor and msgpack codecs share: a library reads one item, the tree finds its readings. */
import type { Codec } from '../reading.ts'
import type { TreeLayout } from '../route.ts'
import { excerpt } from './shown.ts'
import { createTreeReader } from './tree.ts'
import { createTreeWriter } from './tree-write.ts'

/** `decodeItem` throws for anything but one whole item. @throws Error for a path of the layout that cannot be read */
export function createBinaryTreeCodec(
  name: 'cbor' | 'msgpack',
  layout: TreeLayout,
  decodeItem: (payload: Buffer) => unknown,
  encodeItem: (item: unknown) => Buffer,
): Codec {
  const read = createTreeReader(layout)
  const write = createTreeWriter(name, layout)
  return {
    decode(payload) {
      let root: unknown
      try {
        root = decodeItem(payload)
      } catch (error) {
        // Deep nesting ends here too, as a RangeError of the stack.
        const detail = `${payload.length} bytes are not one ${name} item: ${excerpt((error as Error).message)}`
        return { code: 'bad_payload', detail }
      }
      return read(root)
    },
    encode: (reports) => encodeItem(write(reports)),
  }
}
