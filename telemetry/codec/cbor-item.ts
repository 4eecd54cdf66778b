/**
 * One CBOR item [RFC 8949], the whole payload, to plain JavaScript: maps become objects with text keys (-3 is `-3`),
 * decimal fractions [§3.4.4] the nearest double, dates [§3.4.1, §3.4.2] the text or number that they hold. Arrays and
 * maps of indefinite length are fine; texts and byte strings in chunks [§3.2.3] are refused, the library has no way to read them.
 *
 * cbor-x was written for data among friends. Here it reads hostile bytes: its build without eval (the other compiles record
 * definitions that a payload brings), and of the tags that it knows only those that describe a measurement. The
 * others could build regular expressions and typed arrays of any size, repeat a part of the payload by reference, or
 * reckon for seconds with one large number.
 */
import { addExtension, Decoder, Encoder } from 'cbor-x/index-no-eval'

/** Bignums longer than this are no count of anything. */
const bignumBytesMax = 8

function addTag(tag: number, decode: (item: unknown) => unknown): void {
  addExtension({ tag, decode } as Parameters<typeof addExtension>[0])
}

function bignum(item: unknown): bigint {
  if (!(item instanceof Uint8Array) || item.length > bignumBytesMax) {
    throw new Error(`a bignum of more than ${bignumBytesMax} bytes, or one that is none`)
  }
  return BigInt(`0x0${Buffer.from(item.buffer, item.byteOffset, item.length).toString('hex')}`)
}

function decimalFraction(item: unknown): number {
  const [exponent, mantissa] = Array.isArray(item) && item.length === 2 ? item : []
  if (!Number.isSafeInteger(exponent) || !(Number.isSafeInteger(mantissa) || typeof mantissa === 'bigint')) {
    throw new Error('a decimal fraction that is not [exponent, mantissa] of whole numbers')
  }
  // The way through text rounds once; a product with a power of ten would round twice.
  return Number(`${mantissa}e${exponent}`)
}

const itself = (item: unknown) => item
// Dates as text and as seconds since 1970.
addTag(0, itself)
addTag(1, itself)
addTag(2, bignum)
addTag(3, (item) => -1n - bignum(item))
addTag(4, decimalFraction)

/** What else cbor-x knows: bigfloats, strings by reference, objects by constructor, shared values, packed values, records, sets. */
const foreignTags = [5, 6, 14, 15, 27, 28, 29, 51, 105, 258, 259]
/** [RFC 8746] */
const typedArrayTags = Array.from({ length: 24 }, (_, i) => 64 + i)
for (const tag of [...foreignTags, ...typedArrayTags]) {
  addTag(tag, () => {
    throw new Error(`tag ${tag} has no place in a payload of readings`)
  })
}

const decoder = new Decoder({ useRecords: false, mapsAsObjects: true })
const encoder = new Encoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false })

/** @throws Error (RangeError when it nests too deeply) for anything but one whole item */
export const decodeCborItem = (payload: Uint8Array): unknown =>
  // A view of its own, for the library hangs a property on what it reads.
  decoder.decode(payload.subarray())

export const encodeCborItem = (item: unknown): Buffer => encoder.encode(item)
