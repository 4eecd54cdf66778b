import { once } from 'node:events'
import { request } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { type Deferred, deferred } from '../telemetry/deferred.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { AbandonedError, FatalError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { Message } from '../telemetry/message.ts'
import { addIngest } from './ingest.ts'

let app: FastifyInstance
let url: string
let counters = createCounters()
let taken: Message[]
let abandoned: number[]
let isAccepting: boolean
/** While it is set, accept() waits for it. */
let gate: Deferred | null

async function open({ isLoopback = true, ingestToken = null as string | null } = {}): Promise<void> {
  app = Fastify({ forceCloseConnections: true, ajv: { customOptions: { removeAdditional: false } } })
  addIngest(app, isLoopback, {
    ingestToken,
    accept(message) {
      taken.push(message)
      return gate?.promise ?? Promise.resolve()
    },
    abandon(epoch) {
      abandoned.push(epoch)
      gate?.reject(new AbandonedError())
    },
    nextEpoch: createEpochs(),
    isAccepting: () => isAccepting,
    counters,
  })
  url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/api/ingest`
}
beforeEach(() => {
  counters = createCounters()
  taken = []
  abandoned = []
  isAccepting = true
  gate = null
})
afterEach(() => app.close())

const topic = 'sensors/a/b/rainfall'
const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const counted = () => ({ received: counters.received, refused: counters.refusedReadings, codes: counters.refused })

test('request is answered only after every message is accepted', async () => {
  await open()
  gate = deferred()
  let isAnswered = false
  const answer = post([
    { topic, payload: 1 },
    { topic, payload: '2' },
  ]).finally(() => {
    isAnswered = true
  })
  await vi.waitFor(() => expect(taken).toHaveLength(2))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(isAnswered).toBe(false)
  gate.resolve()
  expect(await (await answer).json()).toEqual({ accepted: 2 })
  expect(taken.map((it) => it.payload.toString())).toEqual(['1', '2'])
  expect(taken[0]).toMatchObject({ kind: 0, qos: 1, dup: false, retain: false, packetId: 0, client: 'http', topic })
  expect(counted()).toEqual({ received: 2, refused: 0, codes: {} })
})

test('each request has an epoch of its own, and the name that the sender gives', async () => {
  await open()
  for (const name of ['gateway-1', 'gateway-2']) await post({ topic, payload: 1 }, { 'x-client-id': name })
  expect(taken.map((it) => it.client)).toEqual(['http:gateway-1', 'http:gateway-2'])
  expect(taken[1]?.epoch).toBeGreaterThan(taken[0]?.epoch as number)
})

test('raw payload is taken byte for byte when the topic stands in the query', async () => {
  await open()
  const body = Buffer.from([0, 255, 254])
  const answer = await fetch(`${url}?topic=${encodeURIComponent(topic)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
  })
  expect(answer.status).toBe(200)
  expect(taken[0]).toMatchObject({ topic, payload: body })
})

test('nothing is taken when one message of many is wrong', async () => {
  await open()
  const answer = await post([
    { topic, payload: 1 },
    { topic: '$SYS/a', payload: 1, id: 'n2' },
    { topic, payload: 1 },
  ])
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ index: 1, id: 'n2', given: 'topic: "$SYS/a"' })
  expect(taken).toEqual([])
  expect(counted()).toEqual({ received: 3, refused: 3, codes: { topic_reserved: 1 } })
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
  'request is refused when its content type is %s',
  async (type) => {
    await open()
    const answer = await post({ topic, payload: 1 }, { 'content-type': type })
    expect(answer.status).toBe(415)
    expect(((await answer.json()) as { message: string }).message).toContain('application/octet-stream')
    expect(taken).toEqual([])
    expect(counters.refused).toEqual({ request_invalid: 1 })
  },
)

test('request is refused when it has no body, another parameter, or a topic beside JSON', async () => {
  await open()
  expect((await fetch(url, { method: 'POST' })).status).toBe(400)
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ topic, payload: 1 })
  for (const query of ['?topc=a', '?topic=a&topic=b', '?topic=a']) {
    expect((await fetch(url + query, { method: 'POST', headers, body })).status).toBe(400)
  }
  expect(taken).toEqual([])
  expect(counters.refused).toEqual({ request_invalid: 4 })
})

test('request is refused with 413 when its body is longer than the limit', async () => {
  await open()
  const answer = await post({ topic, payload: 'x'.repeat(limits.ingestBodyBytesMax) })
  expect(answer.status).toBe(413)
  expect(counters.refused).toEqual({ request_too_large: 1 })
})

test.each(['', 'a b', 'é', 'x'.repeat(limits.clientIdBytesMax)])(
  'request is refused when it calls itself %j',
  async (name) => {
    await open()
    const { port } = new URL(url)
    const headers = { 'content-type': 'application/json', 'x-client-id': Buffer.from(name).toString('latin1') }
    const sent = request({ port, path: '/api/ingest', method: 'POST', headers })
    sent.end(JSON.stringify({ topic, payload: 1 }))
    const [answer] = await once(sent, 'response')
    answer.resume()
    expect(answer.statusCode).toBe(400)
    expect(counters.refused).toEqual({ client_id_invalid: 1 })
  },
)

test('token is asked for when there is one, on loopback too', async () => {
  await open({ ingestToken: 'secret' })
  for (const authorization of [undefined, 'Bearer', 'Bearer secre', 'Bearer secret2', 'Basic secret', 'secret']) {
    const answer = await post({ topic, payload: 1 }, authorization === undefined ? {} : { authorization })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  }
  expect(taken).toEqual([])
  expect(counters.refused).toEqual({ bad_credentials: 6 })
  expect((await post({ topic, payload: 1 }, { authorization: 'Bearer secret' })).status).toBe(200)
})

test('request is refused with what to configure when others can reach us and there is no token', async () => {
  await open({ isLoopback: false })
  const answer = await post({ topic, payload: 1 })
  expect(answer.status).toBe(403)
  expect(((await answer.json()) as { message: string }).message).toContain('http.ingestToken')
})

test('sender is told to come back when the journal has failed, before and while it is asked', async () => {
  await open()
  isAccepting = false
  const before = await post({ topic, payload: 1 })
  expect([before.status, before.headers.get('retry-after')]).toEqual([503, '10'])
  expect(counted()).toEqual({ received: 0, refused: 0, codes: { not_accepting: 1 } })
  isAccepting = true
  gate = deferred()
  const during = post([
    { topic, payload: 1 },
    { topic, payload: 2 },
  ])
  await vi.waitFor(() => expect(taken).toHaveLength(2))
  gate.reject(new FatalError('disk'))
  const answer = await during
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10'])
  expect(counted()).toEqual({ received: 2, refused: 2, codes: { not_accepting: 3 } })
})

test('what waits is abandoned and counted when the sender goes away', async () => {
  await open()
  gate = deferred()
  const leaving = new AbortController()
  const body = JSON.stringify({ topic, payload: 1 })
  const headers = { 'content-type': 'application/json' }
  const sent = fetch(url, { method: 'POST', headers, body, signal: leaving.signal }).catch(() => 'gone')
  await vi.waitFor(() => expect(taken).toHaveLength(1))
  leaving.abort()
  expect(await sent).toBe('gone')
  await vi.waitFor(() => expect(abandoned).toEqual([taken[0]?.epoch]))
  await vi.waitFor(() => expect(counted()).toEqual({ received: 1, refused: 1, codes: { abandoned: 1 } }))
})

test('request is refused when as many as the limit wait, and taken once they are done', async () => {
  await open()
  gate = deferred()
  const waiting = Array.from({ length: limits.ingestRequestsMax }, () => post({ topic, payload: 1 }))
  await vi.waitFor(() => expect(taken).toHaveLength(limits.ingestRequestsMax))
  expect((await post({ topic, payload: 1 })).status).toBe(503)
  expect(counters.refused).toEqual({ too_many_requests: 1 })
  gate.resolve()
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
  gate = null
  await vi.waitFor(async () => expect((await post({ topic, payload: 1 })).status).toBe(200))
})
