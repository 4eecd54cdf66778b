/**
 * Sparkplug B: `spBv1.0/{group}/{message type}/{edge node}[/{device}]`. Births announce metrics by name and alias; data
 * names them by either. Every metric with a value is a reading, channel its name. Commands, deaths and STATE hold none, but
 * whatever bears a `seq` is a report: it has its place in the sequence.
 * One count of sequences spans all topics of an edge node: its routes need `sequencePer: device`.
 */

import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import { timeMsMax } from '../point.ts'
import { type Codec, type DecodeContext, isProblem, type Reading, type Report } from '../reading.ts'
import {
  announced,
  type Edge,
  edgeAt,
  type Place,
  rememberBirth,
  rememberDeviceDeath,
  rememberNodeDeath,
} from './sparkplug-edge.ts'
import { encodeSparkplugReports } from './sparkplug-encode.ts'
import { readPayload, type WireMetric, type WirePayload } from './sparkplug-payload.ts'
import { fromWire } from './sparkplug-value.ts'

const messageTypes = ['NBIRTH', 'NDEATH', 'NDATA', 'NCMD', 'DBIRTH', 'DDEATH', 'DDATA', 'DCMD', 'STATE'] as const
type MessageType = (typeof messageTypes)[number]

const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

export const sparkplugBCodec: Codec = { decode, encode: encodeSparkplugReports }

function decode(bytes: Buffer, { topic, memory }: DecodeContext): Report[] | MessageProblem {
  const address = parseTopic(topic)
  if (isProblem(address)) return address
  const { type, place } = address
  if (type === 'STATE' || type === 'NCMD' || type === 'DCMD') return []
  let payload: WirePayload
  try {
    payload = readPayload(bytes)
  } catch (error) {
    return problem('bad_payload', `no Sparkplug B payload: ${(error as Error).message}`)
  }
  if (type === 'NDEATH' || type === 'DDEATH') {
    if (type === 'NDEATH') rememberNodeDeath(memory, place, payload)
    else rememberDeviceDeath(memory, place, payload)
    return countedReport(payload, [], edgeAt(memory, place))
  }
  if (type === 'NBIRTH' || type === 'DBIRTH') {
    const failure = rememberBirth(memory, place, payload)
    if (failure !== null) return failure
  }
  return reportsOf(payload, edgeAt(memory, place), place)
}

function parseTopic(topic: string): { type: MessageType; place: Place } | MessageProblem {
  const levels = topic.split('/')
  const [space, group = '', name = '', edge = '', device] = levels
  // A host's state stands at spBv1.0/STATE/{host}, in Sparkplug 2 at STATE/{host}, which no route of ours need match.
  const type = group === 'STATE' ? 'STATE' : messageTypes.find((it) => it === name)
  const place = { group, edge, device: device ?? null }
  if (space === 'spBv1.0' && type === 'STATE') return { type, place }
  const isWhole = levels.every((level) => level !== '') && levels.length === (type?.startsWith('D') ? 5 : 4)
  if (space === 'spBv1.0' && type !== undefined && isWhole) return { type, place }
  const wanted = 'spBv1.0/{group}/NDATA/{edge node} or spBv1.0/{group}/DDATA/{edge node}/{device}'
  return problem('bad_topic', `${topic} given, one like ${wanted} wanted`)
}

function reportsOf(payload: WirePayload, edge: Edge, place: Place): Report[] | MessageProblem {
  const { timestampMs } = payload
  const readings: Reading[] = []
  for (const metric of payload.metrics) {
    const reading = readingOf(metric, timestampMs, edge, place)
    if (reading === null) continue
    if (isProblem(reading)) return reading
    readings.push(reading)
  }
  return countedReport(payload, readings, edge)
}

/**
 * The payload's timestamp is not taken for the clock at sending (`sentMs`): a message that a broker kept for hours would seem
 * to come from a clock that is off by hours, and right times would be moved.
 */
function countedReport({ seq }: WirePayload, readings: Reading[], edge: Edge): Report[] | MessageProblem {
  if (seq === undefined) return readings.length === 0 ? [] : [{ readings, ...bootOf(edge) }]
  if (seq > 255) return problem('bad_sequence', `seq is ${seq}, 0 to 255 wanted`)
  return [{ readings, sequence: seq, sequenceBits: 8, ...bootOf(edge) }]
}

const bootOf = ({ isAlive, bdSeq }: Edge) => (isAlive && bdSeq !== null ? { boot: bdSeq } : {})

/** Null: not measured, or no reading. */
function readingOf(
  metric: WireMetric,
  sentMs: number | undefined,
  edge: Edge,
  place: Place,
): Reading | MessageProblem | null {
  const known = announced(edge, place, metric)
  const channel = metric.name ?? known?.[0]
  if (channel === undefined) {
    if (metric.alias === undefined) return problem('bad_payload', 'a metric has neither name nor alias')
    return problem('no_birth', `alias ${metric.alias} of ${placeName(place)} is in no birth that came before`)
  }
  if (channel.length > limits.metricNameLengthMax) {
    const wanted = `at most ${limits.metricNameLengthMax} wanted`
    return problem('bad_payload', `the name of a metric has ${channel.length} characters, ${wanted}`)
  }
  if (channel === 'bdSeq' || /^(Node|Device) Control\//.test(channel) || metric.isNull === true) return null
  const value = fromWire(channel, metric.datatype ?? known?.[1] ?? undefined, metric.value)
  if (value === null) return null
  if (typeof value === 'object') return value
  const timeMs = metric.timestampMs ?? sentMs
  if (timeMs === undefined) return { channel, value, unit: '', timeBase: 'none', timeMs: 0 }
  if (timeMs > timeMsMax) return problem('bad_time', `metric ${channel}: ${timeMs} ms lies outside what can be stored`)
  return { channel, value, unit: '', timeBase: 'unix', timeMs }
}

const placeName = ({ group, edge, device }: Place) => `${group}/${edge}${device === null ? '' : `/${device}`}`
