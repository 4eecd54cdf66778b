/** SenML as CBOR [RFC 8428 §6]; what records mean stands in senml.ts. */
import type { MessageProblem } from '../errors.ts'
import type { Codec, Report } from '../reading.ts'
import { CborError, type CborReader, createCborReader } from './cbor-reader.ts'
import { createCborWriter } from './cbor-writer.ts'
import {
  createRecord,
  createResolver,
  type Label,
  mustUnderstand,
  problem,
  quote,
  type SenmlRecord,
  toRecords,
} from './senml.ts'

/** [§6, table 6] */
const numberOf: { [L in Label]: number } = {
  bver: -1,
  bn: -2,
  bt: -3,
  bu: -4,
  bv: -5,
  bs: -6,
  n: 0,
  u: 1,
  v: 2,
  vs: 3,
  vb: 4,
  s: 5,
  t: 6,
  ut: 7,
  vd: 8,
}
const labels = Object.keys(numberOf) as Label[]
const lowest = -6
/** Labels by their number, from the lowest on. */
const labelAt: Label[] = labels.toSorted((a, b) => numberOf[a] - numberOf[b])
const known = new Set<string>(labels)

function decode(payload: Buffer): Report[] | MessageProblem {
  const reader = createCborReader(payload)
  try {
    const records = reader.open('array')
    const resolver = createResolver()
    for (let i = 0; records < 0 ? !reader.isBreak() : i < records; i++) {
      const wrong = resolver.add(readRecord(reader))
      if (wrong !== null) return wrong
    }
    if (!reader.isAtEnd()) return problem('bad_payload', 'more bytes given behind the SenML pack, none wanted')
    return resolver.end()
  } catch (error) {
    if (!(error instanceof CborError)) throw error
    return problem('bad_payload', `the payload is no SenML in CBOR: ${error.message}`)
  }
}

function readRecord(reader: CborReader): SenmlRecord {
  const record = createRecord()
  const pairs = reader.open('map')
  for (let i = 0; pairs < 0 ? !reader.isBreak() : i < pairs; i++) {
    const label = readLabel(reader)
    if (label === null) reader.skip()
    else if (record[label] !== undefined) throw new CborError(`"${label}" given twice in a record, once wanted`)
    else readField(reader, record, label)
  }
  return record
}

/** Extensions have text labels, and translators may leave the known ones as text [§6]. null: not known. */
function readLabel(reader: CborReader): Label | null {
  if (!reader.isText()) return labelAt[reader.integer() - lowest] ?? null
  const label = reader.text()
  if (known.has(label)) return label as Label
  if (mustUnderstand(label)) throw new CborError(`${quote(label)} is not known, and must not be ignored [§4.4]`)
  return null
}

function readField(reader: CborReader, record: SenmlRecord, label: Label): void {
  switch (label) {
    case 'bver':
      record.bver = reader.integer()
      break
    case 'vb':
      record.vb = reader.boolean()
      break
    case 'vd':
      record.vd = reader.bytes().toString('base64url')
      break
    case 'bn':
    case 'bu':
    case 'n':
    case 'u':
    case 'vs':
      record[label] = reader.text()
      break
    default:
      record[label] = reader.number()
  }
}

function encode(reports: Report[]): Buffer {
  const writer = createCborWriter()
  const records = toRecords(reports)
  writer.array(records.length)
  for (const record of records) {
    const fields = Object.entries(record) as Array<[Label, string | number | boolean]>
    writer.map(fields.length)
    for (const [label, value] of fields) {
      writer.number(numberOf[label])
      if (typeof value === 'number') writer.number(value)
      else if (typeof value === 'string') writer.text(value)
      else writer.boolean(value)
    }
  }
  return writer.end()
}

export const senmlCborCodec: Codec = { decode, encode }
