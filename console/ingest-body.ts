/** What a body of POST /api/ingest holds: messages, or the first thing that is wrong with it. Nothing is taken of a wrong body. */
import { type RefusalCode, refusalCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'

export type Posted = { topic: string; payload: Buffer }

/** `index`, and `id` where the sender gave one, name the message; without an index it is the body as a whole. */
export type BodyProblem = { code: RefusalCode; index?: number; id?: string; given: string; wanted: string }

/** `count`: how many messages there were to be refused; 0 when that cannot be told. */
export type RefusedBody = { problem: BodyProblem; count: number }
export type Body = { messages: Posted[] } | RefusedBody

const keys = ['topic', 'payload', 'payload64', 'id']
const wantedMessage = 'an object like {"topic": "sensors/home/gauge-1/rainfall", "payload": 0.2}'
const wantedPayload = 'text, a finite number, an object or a list'
const base64 = /^[A-Za-z0-9+/]*={0,2}$/

const whole = (given: string, wanted: string, code: RefusalCode = 'request_invalid'): RefusedBody => ({
  problem: { code, given, wanted },
  count: 0,
})

/** One message or a list of them. */
export function readJsonBody(bytes: Buffer): Body {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return whole(`what cannot be read (${(error as Error).message})`, 'JSON in UTF-8')
  }
  const elements = Array.isArray(parsed) ? parsed : [parsed]
  if (elements.length === 0) return whole('an empty list', 'at least one message')
  const most = limits.ingestMessagesMax
  if (elements.length > most) {
    const refused = whole(`${elements.length} messages`, `at most ${most}`, 'request_too_large')
    return { ...refused, count: elements.length }
  }
  const messages: Posted[] = []
  for (const [index, element] of elements.entries()) {
    const read = readMessage(element)
    if ('payload' in read) {
      messages.push(read)
      continue
    }
    const { id } = Object(element) as { id?: unknown }
    const problem = { index, ...(typeof id === 'string' && { id: id.slice(0, 100) }), ...read }
    return { problem, count: elements.length }
  }
  return { messages }
}

/** A payload as it is; its topic stands in the query. */
export function readRawBody(topic: string | undefined, payload: Buffer): Body {
  const read = checked(topic, payload)
  return 'payload' in read ? { messages: [read] } : { problem: read, count: 1 }
}

type Problem = { code: RefusalCode; given: string; wanted: string }
const problem = (given: string, wanted: string, code: RefusalCode = 'request_invalid'): Problem => ({
  code,
  given,
  wanted,
})

function readMessage(element: unknown): Posted | Problem {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return problem(describe(element), wantedMessage)
  }
  const unknown = Object.keys(element).find((key) => !keys.includes(key))
  if (unknown !== undefined) return problem(`the key ${describe(unknown)}`, `only ${keys.join(', ')}`)
  const { topic, payload, payload64, id } = element as { [key: string]: unknown }
  if (id !== undefined && typeof id !== 'string') return problem(`id: ${describe(id)}`, 'text')
  if ((payload === undefined) === (payload64 === undefined)) {
    return problem(payload === undefined ? 'no payload' : 'payload and payload64', 'one of payload and payload64')
  }
  const bytes = payload64 === undefined ? bytesOf(payload) : bytesOfBase64(payload64)
  return Buffer.isBuffer(bytes) ? checked(topic, bytes) : bytes
}

function checked(topic: unknown, payload: Buffer): Posted | Problem {
  if (typeof topic !== 'string') return problem(`topic: ${describe(topic)}`, 'the topic as text')
  const refusal = topicRefusal(topic)
  if (refusal !== null) return problem(`topic: ${describe(topic)}`, `another one (${refusalCodes[refusal]})`, refusal)
  const most = limits.packetBytesMax
  if (payload.length > most) {
    return problem(`a payload of ${payload.length} bytes`, `at most ${most} bytes`, 'packet_too_large')
  }
  return { topic, payload }
}

function bytesOf(payload: unknown): Buffer | Problem {
  if (typeof payload === 'string') return Buffer.from(payload)
  if (typeof payload === 'number' && Number.isFinite(payload)) return Buffer.from(String(payload))
  if (typeof payload !== 'object' || payload === null) return problem(`payload: ${describe(payload)}`, wantedPayload)
  try {
    return Buffer.from(JSON.stringify(payload))
  } catch {
    // What JSON.parse can read without recursion may be too deep to write.
    return problem('payload: an object nested too deep', wantedPayload)
  }
}

function bytesOfBase64(text: unknown): Buffer | Problem {
  const isBase64 = typeof text === 'string' && text.length % 4 === 0 && base64.test(text)
  return isBase64
    ? Buffer.from(text, 'base64')
    : problem(`payload64: ${describe(text)}`, 'base64 [RFC 4648 §4] as text')
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}
