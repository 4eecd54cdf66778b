/** Readings over HTTP: on the same path as those of the broker, so that they survive kill -9 once they are answered. */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { deviceOf, metric, refusals, storedValues } from './helpers.ts'

let server: DewpointServer
beforeAll(async () => {
  server = await startDewpoint()
})
afterAll(() => server.close())

type Headers = Record<string, string>
const post = (body: unknown, headers: Headers = {}) =>
  fetch(`${server.httpUrl}/api/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const topicOf = (device: string) => `sensors/h/${device}/rainfall`

test('readings are stored once when the process is killed right behind the answer and the batch is posted again', async () => {
  const startMs = Date.now()
  const batch = Array.from({ length: 500 }, (_, i) => ({
    topic: topicOf('killed'),
    payload: { v: i, t: startMs + i, seq: i },
  }))
  const answer = await post(batch, { 'x-client-id': 'gateway' })
  expect(await answer.json()).toEqual({ accepted: 500 })
  await server.stop('SIGKILL')
  await server.restart()
  expect((await post(batch, { 'x-client-id': 'gateway' })).status).toBe(200)
  expect(await storedValues(server, 'killed')).toEqual(batch.map(({ payload }) => payload.v))
  const { received, accepted, stored, duplicate } = await server.counters()
  expect({ received, accepted, stored, duplicate }).toEqual({
    received: 1000,
    accepted: 1000,
    stored: 500,
    duplicate: 500,
  })
})

test('raw payload is stored when its topic stands in the query', async () => {
  const answer = await fetch(`${server.httpUrl}/api/ingest?topic=${topicOf('raw')}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: '0.2',
  })
  expect(answer.status).toBe(200)
  expect(await storedValues(server, 'raw')).toEqual([0.2])
})

test('device that is heard over HTTP only is known, and no connection is claimed for it', async () => {
  await post({ topic: topicOf('heard'), payload: 1 })
  await server.drained()
  const device = await deviceOf(server, 'heard')
  expect(device).toMatchObject({ state: 'offline', why: 'no connection speaks for it' })
})

test('counts balance when requests are refused, and nothing of them is stored', async () => {
  const before = await server.counters()
  const codeBefore = await refusals(server, 'topic_invalid')
  const answer = await post([
    { topic: topicOf('half'), payload: 1 },
    { topic: 'sensors/+/half/rainfall', payload: 1 },
  ])
  expect(answer.status).toBe(400)
  const after = await server.drained()
  expect(after).toMatchObject({ received: before.received + 2, refused: before.refused + 2, accepted: before.accepted })
  expect(await refusals(server, 'topic_invalid')).toBe(codeBefore + 1)
  expect(await metric(server, 'dewpoint_readings_refused_total')).toBe(after.refused)
  expect(await storedValues(server, 'half')).toEqual([])
})

test('request is refused when it names another host, as a page of a rebound DNS name would', async () => {
  const status = await new Promise((resolve, reject) => {
    const headers = { host: 'evil.example', 'content-type': 'application/json' }
    const sent = request(`${server.httpUrl}/api/ingest`, { method: 'POST', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.once('error', reject)
    sent.end(JSON.stringify({ topic: topicOf('rebound'), payload: 1 }))
  })
  expect(status).toBe(421)
  expect(await storedValues(server, 'rebound')).toEqual([])
})
