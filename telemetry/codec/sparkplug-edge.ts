/**
 * What an edge node and its devices announced in their births: name and datatype of each metric, by alias and by name. It
 * is plain JSON in the codec's memory, one entry for an edge node, and grows no further than `limits.metricsPerEdgeMax`.
 *
 * MQTT keeps the order of one topic only, so births and deaths of one session may arrive crossed: a will that is late must
 * not end the session after it, and a device's birth may come before that of its node.
 */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { CodecMemory } from '../reading.ts'
import type { WireMetric, WirePayload } from './sparkplug-payload.ts'

export type Announced = readonly [name: string, datatype: number | null]
/** `metrics`: by `#alias` and by `/name`, neither of which is a name that objects inherit. */
type Birth = { timestampMs: number | null; count: number; metrics: { [key: string]: Announced } }
export type Edge = {
  /** Which session the node is in; null: its birth was not seen, or names none. */
  bdSeq: number | null
  /** A node's death ends what its devices said, too. */
  isAlive: boolean
  node: Birth
  /** By `/device`. */
  devices: { [key: string]: Birth }
}

const noBirth: Birth = { timestampMs: null, count: 0, metrics: {} }

/** Where a topic says the message belongs. */
export type Place = { group: string; edge: string; device: string | null }

const keyOf = ({ group, edge }: Place) => `sparkplug-b ${group}/${edge}`

export const edgeAt = (memory: CodecMemory, place: Place): Edge =>
  (memory.get(keyOf(place)) as Edge | null | undefined) ?? { bdSeq: null, isAlive: true, node: noBirth, devices: {} }

/** Null when it is remembered. */
export function rememberBirth(memory: CodecMemory, place: Place, payload: WirePayload): MessageProblem | null {
  const birth = birthOf(payload)
  if ('code' in birth) return birth
  const before = edgeAt(memory, place)
  let edge: Edge
  if (place.device === null) {
    // Devices are born after their node: older births belong to the session before, and their aliases are void.
    const devices = Object.entries(before.devices).filter(([, device]) => isNoOlder(device, birth))
    edge = { bdSeq: bdSeqOf(payload), isAlive: true, node: birth, devices: Object.fromEntries(devices) }
  } else edge = { ...before, devices: { ...before.devices, [`/${place.device}`]: birth } }
  const births = [edge.node, ...Object.values(edge.devices)]
  // A birth without metrics takes room too.
  const count = births.reduce((sum, it) => sum + it.count + 1, 0)
  if (count > limits.metricsPerEdgeMax) {
    const detail = `edge node ${place.group}/${place.edge} announces ${count} metrics and births`
    return { code: 'bad_payload', detail: `${detail}, at most ${limits.metricsPerEdgeMax} wanted` }
  }
  memory.set(keyOf(place), edge)
  return null
}

/** Only the death of the session that is on now. Births of devices stay: they may be those of a session to come. */
export function rememberNodeDeath(memory: CodecMemory, place: Place, payload: WirePayload): void {
  const edge = edgeAt(memory, place)
  if (edge.bdSeq === bdSeqOf(payload)) memory.set(keyOf(place), { ...edge, isAlive: false, node: noBirth })
}

export function rememberDeviceDeath(memory: CodecMemory, place: Place, payload: WirePayload): void {
  const edge = edgeAt(memory, place)
  const key = `/${place.device}`
  const birth = edge.devices[key]
  if (birth === undefined || (payload.timestampMs ?? Number.POSITIVE_INFINITY) < (birth.timestampMs ?? 0)) return
  const { [key]: _, ...devices } = edge.devices
  memory.set(keyOf(place), { ...edge, devices })
}

/** What the births say of this metric; undefined: nothing. */
export function announced(edge: Edge, { device }: Place, metric: WireMetric): Announced | undefined {
  if (!edge.isAlive) return undefined
  const birth = device === null ? edge.node : edge.devices[`/${device}`]
  return birth?.metrics[metric.name === undefined ? `#${metric.alias}` : `/${metric.name}`]
}

/** The number of the session, in a birth or a death of a node. */
function bdSeqOf({ metrics }: WirePayload): number | null {
  const value = metrics.find(({ name }) => name === 'bdSeq')?.value
  if (value?.kind !== 'int' && value?.kind !== 'long') return null
  const bdSeq = Number(value.value)
  return Number.isSafeInteger(bdSeq) ? bdSeq : null
}

const isNoOlder = (device: Birth, node: Birth) =>
  device.timestampMs !== null && node.timestampMs !== null && device.timestampMs >= node.timestampMs

function birthOf({ timestampMs, metrics }: WirePayload): Birth | MessageProblem {
  const birth: Birth = { timestampMs: timestampMs ?? null, count: metrics.length, metrics: {} }
  for (const [i, { name, alias, datatype }] of metrics.entries()) {
    if (name === undefined) return { code: 'bad_payload', detail: `metric ${i} of a birth has no name` }
    if (name.length > limits.metricNameLengthMax) {
      const detail = `the name of metric ${i} has ${name.length} characters, at most ${limits.metricNameLengthMax} wanted`
      return { code: 'bad_payload', detail }
    }
    const entry: Announced = [name, datatype ?? null]
    birth.metrics[`/${name}`] = entry
    if (alias === undefined) continue
    // [tck-id-payloads-alias-uniqueness]
    const other = birth.metrics[`#${alias}`]
    if (other !== undefined && other[0] !== name) {
      return { code: 'bad_payload', detail: `alias ${alias} is given to both ${other[0]} and ${name}` }
    }
    birth.metrics[`#${alias}`] = entry
  }
  return birth
}
