/**
 * What the routes would make of a message, without a journal and without changing anything: for `explain`, for the examples
 * of routes, and for a look at quarantined messages before they are decided again.
 */
import { createCounters } from '../telemetry/counters.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { toLine } from '../telemetry/line-protocol.ts'
import { MessageKind, type Record } from '../telemetry/message.ts'
import type { Point } from '../telemetry/point.ts'
import type { CodecMemory } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { createDecider } from './decide.ts'
import { nearestRoutes } from './nearest.ts'
import { createState } from './state.ts'

/** `payload`, and what else is known of the message; the rest is taken as of a plain QoS 1 publish of now. */
export type PreviewMessage = Pick<Record, 'topic' | 'payload'> & Partial<Record>

export type Preview = {
  route: { topic: string; codec: string; measurement: string } | null
  /** Where no route matches: how far each of them did, the nearest first. */
  nearest: Array<{ topic: string; why: string }>
  /** Line protocol, times in nanoseconds. */
  points: string[]
  problem: MessageProblem | null
  /** What the points would also depend on. */
  notes: string[]
}

/**
 * Each message by itself: what one preview has seen must not make the next a duplicate.
 * @param memory of codecs, as far as earlier messages matter (Sparkplug's births); it is not changed
 */
export function createPreview(routes: Route[], memory?: CodecMemory): (message: PreviewMessage) => Preview {
  return (message) => createRehearsal(routes, memory)(message)
}

/** The messages one after the other, a second apart unless they say otherwise: counters and births of one count for the next. */
export function createRehearsal(routes: Route[], memory?: CodecMemory): (message: PreviewMessage) => Preview {
  const state = createState(null, createCounters())
  const own = memory === undefined ? state : { ...state, memory: readOnly(memory) }
  const decider = createDecider(routes, own, createCounters())
  const beganUs = Date.now() * 1000
  let ordinal = 0
  return (message) => {
    const record: Record = {
      kind: MessageKind.publish,
      qos: 1,
      dup: false,
      retain: false,
      packetId: 0,
      epoch: 0,
      client: '',
      position: ordinal,
      ordinal,
      receivedAtUs: beganUs + ordinal * 1_000_000,
      ...message,
    }
    ordinal++
    const points: Point[] = []
    const outcome = decider.decideAgain(record, points)
    const route = decider.router().routeOf(record.topic)
    return {
      route: route && { topic: route.topic, codec: route.payload.codec, measurement: route.measurement },
      nearest: route === null ? nearestRoutes(routes, record.topic) : [],
      points: points.map(toLine),
      problem: typeof outcome === 'object' ? outcome : null,
      notes: route === null ? [] : notesOf(route),
    }
  }
}

/** Reads through; what a codec sets is its own, and gone with the preview. */
function readOnly(memory: CodecMemory): CodecMemory {
  const own = new Map<string, unknown>()
  return { get: (key) => own.get(key) ?? memory.get(key), set: (key, value) => own.set(key, value) }
}

function notesOf(route: Route): string[] {
  const counters = route.fields.filter((rule) => rule.counter !== null).map((rule) => rule.field)
  return counters.length === 0
    ? []
    : [`${counters.join(', ')}: a counter gives a point by the report before it, which is not looked at here`]
}
