/** SenML as JSON [RFC 8428 §5]; what records mean stands in senml.ts. */
import { isUtf8 } from 'node:buffer'
import type { MessageProblem } from '../errors.ts'
import type { Codec, Report } from '../reading.ts'
import {
  createRecord,
  createResolver,
  fieldKinds,
  type Label,
  mustUnderstand,
  problem,
  quote,
  type SenmlRecord,
  toRecords,
} from './senml.ts'

/** [§5]: the alphabet of URLs; padding is not written, but harmless. */
const base64url = /^[A-Za-z0-9_-]*={0,2}$/

const kinds = new Map<string, string>(Object.entries(fieldKinds))

function decode(payload: Buffer): Report[] | MessageProblem {
  if (!isUtf8(payload)) return problem('bad_payload', `${payload.length} bytes that are not UTF-8 given, JSON wanted`)
  let pack: unknown
  try {
    pack = JSON.parse(payload.toString())
  } catch (error) {
    return problem('bad_payload', `the payload is not JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(pack)) return problem('bad_payload', `${nameOf(pack)} given, an array of SenML records wanted`)
  const resolver = createResolver()
  for (const item of pack) {
    const record = toRecord(item)
    const wrong = 'code' in record ? record : resolver.add(record)
    if (wrong !== null) return wrong
  }
  return resolver.end()
}

function toRecord(item: unknown): SenmlRecord | MessageProblem {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return problem('bad_payload', `${nameOf(item)} given, an object for each SenML record wanted`)
  }
  const record = createRecord()
  for (const [label, value] of Object.entries(item)) {
    const kind = kinds.get(label)
    if (kind === undefined) {
      if (mustUnderstand(label))
        return problem('bad_payload', `${quote(label)} is not known, and must not be ignored [RFC 8428 §4.4]`)
    } else if (typeof value !== (kind === 'text' || kind === 'data' ? 'string' : kind)) {
      return problem('bad_payload', `"${label}" is ${nameOf(value)}, ${kind} wanted`)
    } else if (kind === 'data' && !base64url.test(value)) {
      return problem('bad_payload', `"${label}" is ${quote(value)}, base64url wanted`)
    } else {
      ;(record as { [label: string]: unknown })[label as Label] = value
    }
  }
  return record
}

const nameOf = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'string' ? quote(value) : typeof value

export const senmlJsonCodec: Codec = {
  decode,
  encode: (reports) => Buffer.from(JSON.stringify(toRecords(reports))),
}
