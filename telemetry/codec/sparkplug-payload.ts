/** The protobuf message of Sparkplug B (sparkplug_b.proto), as far as readings need it; every other field is skipped. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { limits } from '../limits.ts'

/** Whole numbers are without sign on the wire; the datatype tells what they mean. */
export type WireValue =
  | { kind: 'int' | 'long'; value: bigint }
  | { kind: 'float' | 'double'; value: number }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'string'; value: string }
  /** Bytes, data sets, templates, extensions. */
  | { kind: 'other' }

export type WireMetric = {
  name?: string
  /** In decimal digits. */
  alias?: string
  timestampMs?: number
  datatype?: number
  isNull?: boolean
  value?: WireValue
}
export type WirePayload = { timestampMs?: number; seq?: number; metrics: WireMetric[] }

const { Varint, Bit32, Bit64, LengthDelimited } = WireType
/** Field number and wire type as one number, as they stand in the message: another wire type is another field. */
const tagOf = (field: number, type: number) => (field << 3) | type

const payloadTags = { timestamp: tagOf(1, Varint), metrics: tagOf(2, LengthDelimited), seq: tagOf(3, Varint) } as const
const metricTags = {
  name: tagOf(1, LengthDelimited),
  alias: tagOf(2, Varint),
  timestamp: tagOf(3, Varint),
  datatype: tagOf(4, Varint),
  isNull: tagOf(7, Varint),
  int: tagOf(10, Varint),
  long: tagOf(11, Varint),
  float: tagOf(12, Bit32),
  double: tagOf(13, Bit64),
  boolean: tagOf(14, Varint),
  string: tagOf(15, LengthDelimited),
  bytes: tagOf(16, LengthDelimited),
  dataSet: tagOf(17, LengthDelimited),
  template: tagOf(18, LengthDelimited),
  extension: tagOf(19, LengthDelimited),
} as const

/** @throws Error when the bytes are no such message, or hold more metrics than a message may have readings. */
export function readPayload(bytes: Uint8Array): WirePayload {
  const reader = new BinaryReader(bytes)
  const payload: WirePayload = { metrics: [] }
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    switch (tagOf(field, type)) {
      case payloadTags.timestamp:
        payload.timestampMs = Number(reader.uint64())
        break
      case payloadTags.metrics:
        if (payload.metrics.length === limits.readingsPerMessageMax) {
          throw new Error(`more than ${limits.readingsPerMessageMax} metrics in one message`)
        }
        payload.metrics.push(readMetric(reader.bytes()))
        break
      case payloadTags.seq:
        payload.seq = Number(reader.uint64())
        break
      default:
        reader.skip(type, field)
    }
  }
  return payload
}

function readMetric(bytes: Uint8Array): WireMetric {
  const reader = new BinaryReader(bytes)
  const metric: WireMetric = {}
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    switch (tagOf(field, type)) {
      case metricTags.name:
        metric.name = reader.string(true)
        break
      case metricTags.alias:
        metric.alias = String(reader.uint64())
        break
      case metricTags.timestamp:
        metric.timestampMs = Number(reader.uint64())
        break
      case metricTags.datatype:
        metric.datatype = reader.uint32()
        break
      case metricTags.isNull:
        metric.isNull = reader.bool()
        break
      case metricTags.int:
        metric.value = { kind: 'int', value: BigInt(reader.uint32()) }
        break
      case metricTags.long:
        metric.value = { kind: 'long', value: BigInt(reader.uint64()) }
        break
      case metricTags.float:
        metric.value = { kind: 'float', value: reader.float() }
        break
      case metricTags.double:
        metric.value = { kind: 'double', value: reader.double() }
        break
      case metricTags.boolean:
        metric.value = { kind: 'boolean', value: reader.bool() }
        break
      case metricTags.string:
        metric.value = { kind: 'string', value: reader.string(true) }
        break
      case metricTags.bytes:
      case metricTags.dataSet:
      case metricTags.template:
      case metricTags.extension:
        metric.value = { kind: 'other' }
        reader.skip(type, field)
        break
      default:
        reader.skip(type, field)
    }
  }
  return metric
}

export function writePayload({ timestampMs, seq, metrics }: WirePayload): Buffer {
  const writer = new BinaryWriter()
  if (timestampMs !== undefined) writer.uint32(payloadTags.timestamp).uint64(timestampMs)
  for (const metric of metrics) {
    writer.uint32(payloadTags.metrics).fork()
    writeMetric(writer, metric)
    writer.join()
  }
  if (seq !== undefined) writer.uint32(payloadTags.seq).uint64(seq)
  return Buffer.from(writer.finish())
}

function writeMetric(writer: BinaryWriter, { name, alias, timestampMs, datatype, isNull, value }: WireMetric): void {
  if (name !== undefined) writer.uint32(metricTags.name).string(name)
  if (alias !== undefined) writer.uint32(metricTags.alias).uint64(alias)
  if (timestampMs !== undefined) writer.uint32(metricTags.timestamp).uint64(timestampMs)
  if (datatype !== undefined) writer.uint32(metricTags.datatype).uint32(datatype)
  if (isNull === true) writer.uint32(metricTags.isNull).bool(true)
  if (value === undefined) return
  switch (value.kind) {
    case 'int':
      writer.uint32(metricTags.int).uint32(Number(value.value))
      break
    case 'long':
      writer.uint32(metricTags.long).uint64(value.value)
      break
    case 'float':
      writer.uint32(metricTags.float).float(value.value)
      break
    case 'double':
      writer.uint32(metricTags.double).double(value.value)
      break
    case 'boolean':
      writer.uint32(metricTags.boolean).bool(value.value)
      break
    case 'string':
      writer.uint32(metricTags.string).string(value.value)
      break
    case 'other':
      throw new Error('sparkplug-b: only numbers, booleans and strings are written')
  }
}
