import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import { addCommands } from './commands.ts'

let app: FastifyInstance
let url: string
let counters = createCounters()
type Sent = { topic: string; payload: string; expiresAtMs: number | null }
let sent: Sent[]

async function open({ isLoopback = true, ingestToken = null as string | null, isUp = true } = {}): Promise<void> {
  app = Fastify({ forceCloseConnections: true, ajv: { customOptions: { removeAdditional: false } } })
  const waiting = { client: 'c', topic: 'commands/c', queuedAtMs: 0 }
  const commands = {
    async send(topic: string, payload: Buffer, expiresAtMs: number | null) {
      sent.push({ topic, payload: payload.toString('latin1'), expiresAtMs })
      return { result: 'waiting' as const, delivered: [], waiting: ['c'] }
    },
    pending: (device: string | null) =>
      device === 'other'
        ? []
        : [
            { ...waiting, payload: Buffer.from('é'), expiresAtMs: 1000, isSent: false },
            { ...waiting, payload: Buffer.from([255]), expiresAtMs: 1000, isSent: true },
          ],
    lost: () => [{ ...waiting, lostAtMs: 2000, why: 'expired' as const }],
  }
  // As the console answers errors.
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.status(error.statusCode ?? 500).send({ message: error.message }),
  )
  addCommands(app, isLoopback, { ingestToken, counters, commands: () => (isUp ? commands : null) })
  url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/api/commands`
}
beforeEach(() => {
  counters = createCounters()
  sent = []
})
afterEach(() => app.close())
const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

test.each([
  [{ payload: 'text' }, 'text'],
  [{ payload: '' }, ''],
  [{ payload: 1.5 }, '1.5'],
  [{ payload: { a: [1] } }, '{"a":[1]}'],
  [{ payload: null }, 'null'],
  [{ payload64: '/wA=' }, '\xff\0'],
])('command is sent as the bytes that are meant when its body holds %j', async (body, payload) => {
  await open()
  const answer = await post({ topic: 'commands/c', ...body })
  expect(await answer.json()).toEqual({ result: 'waiting', delivered: [], waiting: ['c'] })
  expect(sent).toEqual([{ topic: 'commands/c', payload, expiresAtMs: null }])
})

test('command waits as long as its expiry says', async () => {
  await open()
  const before = Date.now()
  await post({ topic: 'a', payload: 1, expiry: '90s' })
  expect(sent[0]?.expiresAtMs).toBeGreaterThanOrEqual(before + 90_000)
  expect(sent[0]?.expiresAtMs).toBeLessThan(before + 100_000)
})

test.each([
  [{ topic: 'a/#', payload: 1 }, 'topic_invalid'],
  [{ topic: '', payload: 1 }, 'topic_invalid'],
  [{ topic: '$SYS/x', payload: 1 }, 'topic_reserved'],
  [{ topic: 'a' }, 'request_invalid'],
  [{ topic: 'a', payload: 1, payload64: 'AA==' }, 'request_invalid'],
  [{ topic: 'a', payload: 'x'.repeat(limits.commandBytesMax + 1) }, 'request_invalid'],
  [{ topic: 'a', payload: 1, expiry: 'soon' }, 'request_invalid'],
  [{ topic: 'a', payload: 1, expiry: '1ms' }, 'request_invalid'],
])('command is refused with a reason when its body is %j', async (body, code) => {
  await open()
  const answer = await post(body)
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ message: expect.stringMatching(/./) })
  expect(counters.refused).toEqual({ [code]: 1 })
  expect(sent).toEqual([])
})

test.each([
  ['nonsense', 'application/json', 400],
  [{ payload: 1 }, 'application/json', 400],
  [{ topic: 'a', payload: 1, retain: true }, 'application/json', 400],
  [{ topic: 'a', payload: 1 }, 'text/plain', 415],
  [{ topic: 'a', payload: 1 }, 'application/x-www-form-urlencoded', 415],
  [{ topic: 'a', payload: 'x'.repeat(limits.commandBodyBytesMax) }, 'application/json', 413],
])('request %# that is no command is refused', async (body, type, status) => {
  await open()
  expect((await post(body, { 'content-type': type })).status).toBe(status)
  expect(sent).toEqual([])
})

test('command needs the token when there is one, and this machine when there is none', async () => {
  await open({ ingestToken: 'secret', isLoopback: false })
  const command = { topic: 'a', payload: 1 }
  expect((await post(command)).status).toBe(401)
  expect((await post(command, { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await post(command, { authorization: 'Bearer secret' })).status).toBe(200)
  await app.close()
  await open({ isLoopback: false })
  expect((await post(command)).status).toBe(403)
  expect(counters.refused).toEqual({ bad_credentials: 3 })
  expect(sent).toHaveLength(1)
})

test('command is told to try again when the broker is not there yet', async () => {
  await open({ isUp: false })
  expect((await post({ topic: 'a', payload: 1 })).status).toBe(503)
  expect(await (await fetch(url)).json()).toEqual({ pending: [], lost: [] })
})

test('commands that wait and that are lost are listed, bytes in base64 where they are no text', async () => {
  await open()
  const [queuedAt, expiresAt] = ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z']
  expect(await (await fetch(url)).json()).toEqual({
    pending: [
      { client: 'c', topic: 'commands/c', payload: 'é', queuedAt, expiresAt, state: 'until next wake' },
      { client: 'c', topic: 'commands/c', payload64: '/w==', queuedAt, expiresAt, state: 'sent, not acknowledged' },
    ],
    lost: [{ client: 'c', topic: 'commands/c', queuedAt, lostAt: '1970-01-01T00:00:02.000Z', why: 'expired' }],
  })
  expect(await (await fetch(`${url}?device=other`)).json()).toMatchObject({ pending: [] })
  expect((await fetch(`${url}?devise=other`)).status).toBe(400)
})
