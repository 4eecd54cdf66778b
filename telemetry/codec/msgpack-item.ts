/**
 * One MessagePack item, the whole payload, to plain JavaScript: maps become objects with text keys, a timestamp (type -1)
 * seconds since 1970.
 *
 * As in cbor-item.ts the library reads hostile bytes: the build without eval, and none of its extensions of objects, which
 * could build regular expressions, or repeat a part of the payload by reference.
 */
import { addExtension, Packr, Unpackr } from 'msgpackr/index-no-eval'

/** The extension type -1 as the byte that it is. */
const timestampType = 0xff

addExtension({ type: timestampType, unpack: timestamp })

function timestamp(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length === 4) return view.getUint32(0)
  if (bytes.length === 8) {
    // 30 bits of nanoseconds, 34 bits of seconds.
    const high = view.getUint32(0)
    return (high & 3) * 2 ** 32 + view.getUint32(4) + (high >>> 2) / 1e9
  }
  if (bytes.length === 12) return Number(view.getBigInt64(4)) + view.getUint32(0) / 1e9
  throw new Error(`a timestamp of ${bytes.length} bytes, 4, 8 or 12 wanted`)
}

/** What else msgpackr knows: bigints, bundled strings, errors, ids and pointers, records, sets, typed arrays, regular expressions. */
const foreignTypes = [0x42, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78]
for (const type of foreignTypes) {
  addExtension({
    type,
    unpack() {
      throw new Error(`extension ${type} has no place in a payload of readings`)
    },
  })
}

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, structuredClone: false })
const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true })

/** @throws Error (RangeError when it nests too deeply) for anything but one whole item */
export const decodeMsgpackItem = (payload: Uint8Array): unknown =>
  // A view of its own, for the library hangs a property on what it reads.
  unpackr.unpack(payload.subarray())

export const encodeMsgpackItem = (item: unknown): Buffer => packr.pack(item)
