/**
 * Client and topic of a record, which stand one behind the other. Devices send to the same topic again and again: the texts
 * that the same bytes gave before are used again, so that a record costs no new ones, and a map that is asked for them need
 * not hash them anew.
 */
type Names = { bytes: Uint8Array; clientBytes: number; client: string; topic: string }

/** Pairs of names remembered before the memory is begun anew: more than there are connections. */
const namesRemembered = 32_768
/** Longer pairs are read each time. */
const namesBytesMax = 256

/** By the hash of their bytes; of two with the same hash the one that came last. */
let known = new Map<number, Names>()

/** The client stands from `clientAt` to `topicAt`, the topic from there to `end`. */
export function readNames(from: Buffer, clientAt: number, topicAt: number, end: number): Names {
  if (end - clientAt > namesBytesMax) return namesOf(from, clientAt, topicAt, end)
  let hash = topicAt - clientAt
  for (let at = clientAt; at < end; at++) hash = Math.imul(hash ^ (from[at] as number), 0x0100_0193)
  const names = known.get(hash)
  if (names !== undefined && isSame(names, from, clientAt, topicAt, end)) return names
  if (known.size >= namesRemembered) known = new Map()
  const read = namesOf(from, clientAt, topicAt, end)
  known.set(hash, read)
  return read
}

function isSame({ bytes, clientBytes }: Names, from: Buffer, clientAt: number, topicAt: number, end: number): boolean {
  if (bytes.length !== end - clientAt || clientBytes !== topicAt - clientAt) return false
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== from[clientAt + i]) return false
  return true
}

const namesOf = (from: Buffer, clientAt: number, topicAt: number, end: number): Names => ({
  // A copy: a view would keep the whole read alive.
  bytes: new Uint8Array(from.subarray(clientAt, end)),
  clientBytes: topicAt - clientAt,
  client: from.toString('utf8', clientAt, topicAt),
  topic: from.toString('utf8', topicAt, end),
})
