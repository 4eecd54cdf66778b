/** What the broker keeps for others outlives the process, whichever way it ends: sessions, commands, retained messages, wills. */
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { connect, listen, metric, patient } from './helpers.ts'
import { connectPacket, disconnectPacket, openDevice, openWire, publishPacket, type Wire } from './wire.ts'

let server: DewpointServer
const undo: Array<() => unknown> = []
beforeEach(async () => {
  server = await startDewpoint()
})
afterEach(async () => {
  for (const step of undo.splice(0)) step()
  await server.close()
})

type Got = { topic: string; payload: string; messageId: number | undefined; dup: boolean }

/** A device with a session: it wakes, hears what waited, and falls asleep by end(). */
async function wake(clientId: string, ...filters: string[]): Promise<{ got: Got[]; client: MqttClient }> {
  const got: Got[] = []
  const client = mqtt.connect(server.mqttUrl, { clientId, clean: false, reconnectPeriod: 0 })
  undo.push(() => client.end(true))
  client.on('error', () => {})
  client.on('message', (topic, payload, { messageId, dup }) =>
    got.push({ topic, payload: payload.toString(), messageId, dup }),
  )
  await new Promise((resolve) => client.once('connect', resolve))
  for (const filter of filters) await client.subscribeAsync(filter, { qos: 2 })
  return { got, client }
}
/** A session on a raw socket: CONNACK is there. */
async function session(clientId: string): Promise<Wire> {
  const wire = await openWire(server.mqttPort)
  undo.push(() => wire.socket.destroy())
  wire.socket.write(connectPacket({ clientId, clean: false }))
  await wire.bytes(4)
  return wire
}
function subscribePacket(filter: string, qos: number): Buffer {
  const name = Buffer.from(filter)
  return Buffer.concat([Buffer.from([0x82, 5 + name.length, 0, 1, 0, name.length]), name, Buffer.from([qos])])
}
type Answer = { result: string; delivered: string[]; waiting: string[] }
async function command(topic: string, payload: unknown, expiry?: string): Promise<Answer> {
  const answer = await fetch(`${server.httpUrl}/api/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic, payload, ...(expiry !== undefined && { expiry }) }),
  })
  expect(answer.status).toBe(200)
  return answer.json() as Promise<Answer>
}
type Listed = {
  pending: Array<{ client: string; topic: string; payload: string; state: string }>
  lost: Array<{ why: string }>
}
const listed = (device: string) => server.get<Listed>(`/api/commands?device=${device}`)
async function crash(): Promise<void> {
  await server.stop('SIGKILL')
  await server.restart()
}
const payloads = (got: Got[]) => got.map(({ payload }) => payload)

test('command reaches a device that slept once, in order, although the broker was killed before it woke', async () => {
  const { client } = await wake('gauge', 'commands/gauge')
  await client.endAsync()
  for (const payload of ['first', { interval: 60 }, 3]) {
    expect(await command('commands/gauge', payload)).toEqual({ result: 'waiting', delivered: [], waiting: ['gauge'] })
  }
  await crash()
  expect((await listed('gauge')).pending).toMatchObject([
    { client: 'gauge', topic: 'commands/gauge', payload: 'first', state: 'until next wake' },
    { payload: '{"interval":60}' },
    { payload: '3' },
  ])
  const { got, client: awake } = await wake('gauge')
  await vi.waitFor(() => expect(got).toHaveLength(3), patient)
  expect(payloads(got)).toEqual(['first', '{"interval":60}', '3'])
  expect(got.map(({ dup }) => dup)).toEqual([false, false, false])
  await vi.waitFor(async () => expect(await listed('gauge')).toEqual({ pending: [], lost: [] }), patient)
  await awake.endAsync()
  await crash()
  const again = await wake('gauge')
  expect(await command('commands/gauge', 'last')).toEqual({ result: 'delivered', delivered: ['gauge'], waiting: [] })
  expect(payloads(again.got)).toEqual(['last'])
  expect(await metric(server, 'dewpoint_broker_commands_total{code="delivered"}')).toBe(1)
})

test('command that was sent and not acknowledged comes again under the same identifier, marked, after kill -9', async () => {
  const wire = await session('mute')
  wire.socket.write(subscribePacket('commands/mute', 1))
  await wire.bytes(4 + 5)
  expect(await command('commands/mute', 'x')).toEqual({ result: 'waiting', delivered: [], waiting: ['mute'] })
  const first = (await wire.bytes(4 + 5 + 20)).subarray(9)
  expect(first[0]).toBe(0x32)
  await sleep(200)
  await crash()
  const second = await session('mute')
  const again = (await second.bytes(4 + first.length)).subarray(4)
  expect(again[0]).toBe(0x3a)
  expect(again.subarray(1)).toEqual(first.subarray(1))
})

test('command for nobody is told, and one for a client without a session is delivered or lost', async () => {
  expect(await command('commands/none', 'x')).toEqual({ result: 'nobody', delivered: [], waiting: [] })
  const { heard, client } = await listen(server.mqttUrl, 'commands/+')
  const answer = await command('commands/live', 'x')
  expect(answer).toMatchObject({ result: 'delivered', waiting: [] })
  expect(answer.delivered).toHaveLength(1)
  await vi.waitFor(() => expect(heard).toHaveLength(1), patient)
  await client.endAsync()
  // Its end is seen a moment later.
  await vi.waitFor(async () => expect(await command('commands/live', 'x')).toMatchObject({ result: 'nobody' }), patient)
})

test('command expires when the device sleeps for too long, also over a restart, and is listed as lost', async () => {
  const { client } = await wake('late', 'commands/late')
  await client.endAsync()
  await command('commands/late', 'short', '1s')
  await command('commands/late', 'long', '1h')
  await sleep(1100)
  await crash()
  expect((await listed('late')).pending).toMatchObject([{ payload: 'long' }])
  const { got } = await wake('late')
  await vi.waitFor(() => expect(payloads(got)).toEqual(['long']), patient)
  await vi.waitFor(
    async () => expect((await listed('late')).lost).toMatchObject([{ client: 'late', why: 'expired' }]),
    { timeout: limits.sessionSweepMs + 5000, interval: 200 },
  )
  expect(await metric(server, 'dewpoint_broker_session_lost_total{code="expired"}')).toBe(1)
})

test('command beyond the limit of a queue is dropped and listed, those before it stay', async () => {
  const { client } = await wake('full', 'commands/full')
  await client.endAsync()
  const publisher = await connect(server.mqttUrl)
  const all = Array.from({ length: limits.sessionQueueMax }, (_, i) =>
    publisher.publishAsync('commands/full', String(i), { qos: 1 }),
  )
  await Promise.all(all)
  await publisher.endAsync()
  expect(await command('commands/full', 'too much')).toMatchObject({ result: 'nobody' })
  expect((await listed('full')).lost).toMatchObject([{ why: 'dropped' }])
  await crash()
  const { got } = await wake('full')
  await vi.waitFor(() => expect(got).toHaveLength(limits.sessionQueueMax), patient)
  expect(payloads(got)).toEqual(all.map((_, i) => String(i)))
})

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'retained messages are there after %s, and those that were ended are not',
  async (signal) => {
    const publisher = await connect(server.mqttUrl)
    for (const [topic, payload, qos] of [
      ['a', '1', 0],
      ['b', '2', 1],
      ['c', '3', 2],
      ['b', '4', 1],
      ['c', '', 1],
    ] as const) {
      await publisher.publishAsync(`kept/${topic}`, payload, { qos, retain: true })
    }
    // QoS 0 has no answer to wait for; what stands behind it on the same connection has.
    await publisher.endAsync()
    await server.stop(signal)
    await server.restart()
    const { heard } = await listen(server.mqttUrl, 'kept/#')
    await vi.waitFor(() => expect(heard).toHaveLength(2), patient)
    expect(heard.map(({ topic, payload }) => `${topic} ${payload}`).toSorted()).toEqual(['kept/a 1', 'kept/b 4'])
  },
)

test('session is over for good when its client comes with a clean one, or has unsubscribed', async () => {
  const { client } = await wake('clean', 'x/#', 'y')
  await client.unsubscribeAsync('x/#')
  await client.endAsync()
  expect(await command('x/1', '1')).toMatchObject({ result: 'nobody' })
  expect(await command('y', '1')).toMatchObject({ result: 'waiting' })
  await (await connect(server.mqttUrl, { clientId: 'clean' })).endAsync()
  // Acknowledged when it is on disk, and what came before it with it: the end of a session is not waited for.
  await (await connect(server.mqttUrl)).publishAsync('mark', '1', { qos: 1, retain: true })
  await crash()
  expect(await command('y', '1')).toMatchObject({ result: 'nobody' })
  const { got } = await wake('clean')
  await sleep(200)
  expect(got).toEqual([])
})

test('everything acknowledged for a session is delivered at least once when the broker is killed again and again', async () => {
  const { client } = await wake('all', 'bulk/#')
  await client.endAsync()
  const acknowledged = new Set<string>()
  for (let round = 0; round < 3; round++) {
    const publisher = await connect(server.mqttUrl)
    publisher.on('error', () => {})
    for (let i = 0; i < 300; i++) {
      const name = `${round}.${i}`
      publisher.publish('bulk/x', name, { qos: (1 + (i % 2)) as 1 | 2 }, (error) => {
        if (!error) acknowledged.add(name)
      })
    }
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(round * 100 + 30), {
      timeout: 10_000,
      interval: 1,
    })
    await server.stop('SIGKILL')
    publisher.end(true)
    await server.restart()
  }
  const { got } = await wake('all')
  await vi.waitFor(() => {
    const there = new Set(payloads(got))
    expect([...acknowledged].filter((name) => !there.has(name))).toEqual([])
  }, patient)
  // In the order in which they were published, for each QoS [MQTT-4.6.0-6].
  for (const qos of [1, 2]) {
    const all = payloads(got).filter((it) => it.startsWith('0.'))
    const numbers = all.map((it) => Number(it.slice(2))).filter((i) => 1 + (i % 2) === qos)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }
  process.stderr.write(`${acknowledged.size} acknowledged, ${got.length} delivered\n`)
})

test('QoS 2 packet that was answered is not delivered twice when it is sent again after kill -9 [MQTT-4.3.3-2]', async () => {
  const { client } = await wake('twice', 'exact')
  await client.endAsync()
  const publish = publishPacket('exact', 'once', 7)
  publish[0] = 0x34
  const sender = await session('sender')
  sender.socket.write(publish)
  expect((await sender.bytes(8)).subarray(4)).toEqual(Buffer.from([0x50, 2, 0, 7]))
  await crash()
  const back = await session('sender')
  publish[0] = 0x3c
  back.socket.write(publish)
  expect((await back.bytes(8)).subarray(4)).toEqual(Buffer.from([0x50, 2, 0, 7]))
  back.socket.write(Buffer.from([0x62, 2, 0, 7]))
  expect((await back.bytes(12)).subarray(8)).toEqual(Buffer.from([0x70, 2, 0, 7]))
  await crash()
  // The identifier is free again: this is another message.
  const third = await session('sender')
  publish[0] = 0x34
  third.socket.write(publish)
  await third.bytes(8)
  const { got } = await wake('twice')
  await vi.waitFor(() => expect(payloads(got)).toEqual(['once', 'once']), patient)
})

test('will of a device that died with the broker is published after the grace, unless the device is back', {
  timeout: 90_000,
}, async () => {
  const will = (name: string) => ({ clientId: name, status: `sensors/w/${name}/status` })
  for (const name of ['gone', 'back', 'left']) {
    const wire = await openDevice(server.mqttPort, will(name))
    undo.push(() => wire.socket.destroy())
    if (name === 'left') wire.socket.end(disconnectPacket)
    if (name === 'left') await wire.closed
  }
  await sleep(300)
  await crash()
  const { heard } = await listen(server.mqttUrl, 'sensors/w/+/status')
  const back = await openDevice(server.mqttPort, will('back'))
  undo.push(() => back.socket.destroy())
  const offline = () => heard.filter(({ payload }) => payload === 'offline').map(({ topic }) => topic)
  await sleep(limits.reconnectGraceMs - 10_000)
  expect(offline()).toEqual([])
  await vi.waitFor(() => expect(offline()).toEqual(['sensors/w/gone/status']), { timeout: 20_000, interval: 100 })
  await sleep(500)
  expect(offline()).toEqual(['sensors/w/gone/status'])
  expect((await listen(server.mqttUrl, 'sensors/w/gone/status')).client).toBeDefined()
  await crash()
  const later = await listen(server.mqttUrl, 'sensors/w/gone/status')
  await vi.waitFor(() => expect(later.heard.map(({ payload }) => payload)).toEqual(['offline']), patient)
})
