/** The writing half of Sparkplug B, for simulated edge nodes: births, data and deaths. */
import type { Report, Value } from '../reading.ts'
import { type WireMetric, writePayload } from './sparkplug-payload.ts'
import { type Datatype, datatypes, toWire } from './sparkplug-value.ts'

/** In a birth with name and, if data shall use it, alias; in data with one of them. `value` null: not measured. */
export type SparkplugMetric = {
  name?: string
  alias?: number
  datatype: Datatype
  value: Value | null
  timestampMs?: number
}

/** The birth of an edge node; its sequence is 0 [tck-id-payloads-sequence-num-zero-nbirth]. `bdSeq` is that of the will. */
export function encodeNbirth(birth: { timestampMs: number; bdSeq: number; metrics: SparkplugMetric[] }): Buffer {
  const own: SparkplugMetric[] = [
    { name: 'bdSeq', datatype: 'Int64', value: birth.bdSeq },
    { name: 'Node Control/Rebirth', datatype: 'Boolean', value: false },
  ]
  return encodeSparkplugData({ timestampMs: birth.timestampMs, seq: 0, metrics: [...own, ...birth.metrics] })
}

/** The will of an edge node: no seq, and the bdSeq of the birth that follows [tck-id-payloads-ndeath-bdseq]. */
export function encodeNdeath(bdSeq: number): Buffer {
  return writePayload({ metrics: [wireMetric({ name: 'bdSeq', datatype: 'Int64', value: bdSeq })] })
}

/** NDATA, DDATA and DBIRTH: they differ in their topic only. `seq` counts all messages of the edge node, 0 to 255. */
export function encodeSparkplugData(data: { timestampMs: number; seq: number; metrics: SparkplugMetric[] }): Buffer {
  const { timestampMs, seq, metrics } = data
  if (!Number.isInteger(seq) || seq < 0 || seq > 255) throw new Error(`sparkplug-b: seq is ${seq}, 0 to 255 wanted`)
  return writePayload({ timestampMs, seq, metrics: metrics.map(wireMetric) })
}

function wireMetric({ name, alias, datatype, value, timestampMs }: SparkplugMetric): WireMetric {
  return {
    ...(name !== undefined && { name }),
    ...(alias !== undefined && { alias: String(alias) }),
    ...(timestampMs !== undefined && { timestampMs }),
    datatype: datatypes[datatype],
    ...(value === null ? { isNull: true } : { value: toWire(name ?? `#${alias}`, datatype, value) }),
  }
}

/** Data with metrics by name. @throws Error when there is more than one report, or a time is not since 1970. */
export function encodeSparkplugReports(reports: Report[]): Buffer {
  const [report] = reports
  if (report === undefined || reports.length > 1) throw new Error('sparkplug-b: exactly one report wanted')
  const metrics = report.readings.map(({ channel, value, timeBase, timeMs }): SparkplugMetric => {
    if (timeBase !== 'unix')
      throw new Error(`sparkplug-b: the time of ${channel} counts from ${timeBase}, not from 1970`)
    const datatype = typeof value === 'number' ? 'Double' : typeof value === 'boolean' ? 'Boolean' : 'String'
    return { name: channel, datatype, value, timestampMs: timeMs }
  })
  const timestampMs = report.sentMs ?? report.readings.at(-1)?.timeMs ?? 0
  return encodeSparkplugData({ timestampMs, seq: report.sequence ?? -1, metrics })
}
