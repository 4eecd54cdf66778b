/** What is not stored: kept with its reason, or refused and counted; and what a payload may look like to be stored. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, patient, readings, refusals, storedValues } from '../flow/helpers.ts'
import { connectPacket, openWire, publishPacket, returnCode } from '../flow/wire.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'

type Entry = { topic: string; code: string; payload: string }

describe('messages', () => {
  let server: DewpointServer
  beforeAll(async () => {
    server = await startDewpoint()
  })
  afterAll(() => server.close())

  /** From one client, which is gone afterwards. */
  async function publish(topic: string, payload: string | Buffer): Promise<void> {
    const client = await connect(server.mqttUrl)
    await client.publishAsync(topic, payload, { qos: 1 })
    await client.endAsync()
  }
  const quarantined = async (topic: string) =>
    (await server.get<Entry[]>('/api/quarantine')).filter((entry) => entry.topic === topic)

  const ms = Date.UTC(2026, 10, 23, 7, 0, 0, 250)
  test.each([
    ['milliseconds', ms, '2026-11-23T07:00:00.250Z'],
    ['seconds', Math.floor(ms / 1000), '2026-11-23T07:00:00.000Z'],
    ['ISO 8601', '2026-11-23T07:00:00.250Z', '2026-11-23T07:00:00.250Z'],
    ['ISO 8601 with a zone', '2026-11-23T08:00:00+01:00', '2026-11-23T07:00:00.000Z'],
  ])('reading is stored at the time of the device when t is %s', async (name, t, time) => {
    const device = name.replaceAll(' ', '-')
    await publish(`sensors/json/${device}/voltage`, JSON.stringify({ v: 3.25, t }))
    await server.drained()
    expect(await readings(server, device, 'voltage')).toEqual([{ time, value: 3.25 }])
  })

  test.each([
    ['no route matches', 'elsewhere/a/b', '1', 'no_route'],
    ['the payload is text', 'sensors/a/wet/rainfall', 'wet', 'bad_value'],
    ['the JSON is broken', 'sensors/a/broken/rainfall', '{"v":', 'bad_payload'],
    ['the payload is empty', 'sensors/a/empty/rainfall', '', 'bad_value'],
    ['the time is none', 'sensors/a/time/rainfall', '{"v":1,"t":"noon"}', 'bad_time'],
  ])('message is quarantined with its bytes when %s', async (_, topic, payload, code) => {
    await publish(topic, payload)
    await server.drained()
    const entries = await quarantined(topic)
    expect(entries).toMatchObject([{ topic, code, payload: Buffer.from(payload).toString('base64') }])
  })

  test('message is quarantined byte for byte when it is no text at all', async () => {
    const bytes = Buffer.from([0, 255, 254, 10, 13, 128])
    await publish('sensors/a/binary/pulse', bytes)
    await server.drained()
    expect(await quarantined('sensors/a/binary/pulse')).toMatchObject([{ payload: bytes.toString('base64') }])
  })

  test.each([0, 1, 2] as const)(
    'client is closed and counted when it publishes below $SYS with QoS %i',
    async (qos) => {
      const before = { refused: (await server.counters()).refused, code: await refusals(server, 'topic_reserved') }
      const client = await connect(server.mqttUrl)
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      client.publish('$SYS/broker/version', 'mine', { qos }, () => {})
      await closed
      client.end(true)
      await vi.waitFor(async () => expect(await refusals(server, 'topic_reserved')).toBe(before.code + 1), patient)
      expect((await server.counters()).refused).toBe(before.refused + 1)
    },
  )

  test('client is closed and counted when its packet has 300 KiB, and others go on', async () => {
    const other = await connect(server.mqttUrl)
    const before = await refusals(server, 'packet_too_large')
    const client = await connect(server.mqttUrl)
    client.on('error', () => {})
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    client.publish('sensors/a/large/rainfall', Buffer.alloc(300 * 1024, 49), { qos: 1 }, () => {})
    await closed
    client.end(true)
    expect(await refusals(server, 'packet_too_large')).toBe(before + 1)
    await other.publishAsync('sensors/a/beside/rainfall', '0.2', { qos: 1 })
    await other.endAsync()
    expect(await storedValues(server, 'beside')).toEqual([0.2])
    expect(await storedValues(server, 'large')).toEqual([])
  })

  test('connection is closed without an answer when its CONNECT is oversized', async () => {
    const before = await refusals(server, 'packet_too_large')
    const wire = await openWire(server.mqttPort)
    wire.socket.write(connectPacket({ clientId: 'big', will: { topic: 'a', payload: 'x'.repeat(8_000) } }))
    await wire.closed
    expect(wire.received()).toHaveLength(0)
    expect(await refusals(server, 'packet_too_large')).toBe(before + 1)
  })

  test('connection is closed when it announces an endless packet instead of a CONNECT', async () => {
    const wire = await openWire(server.mqttPort)
    wire.socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
    await wire.closed
    expect(wire.received()).toHaveLength(0)
  })

  test('connection is closed and nothing is taken when it publishes before its CONNECT', async () => {
    const { received } = await server.counters()
    const wire = await openWire(server.mqttPort)
    wire.socket.write(publishPacket('sensors/a/early/rainfall', '1', 1))
    await wire.closed
    expect((await server.counters()).received).toBe(received)
  })

  test('client gets CONNACK 2 when its identifier has 300 bytes', async () => {
    const wire = await openWire(server.mqttPort)
    wire.socket.write(connectPacket({ clientId: 'c'.repeat(300) }))
    expect(await returnCode(wire)).toBe(2)
    await wire.closed
    expect(await refusals(server, 'client_id_too_long')).toBe(1)
  })

  test('counters balance after everything that was refused', async () => {
    const { received, accepted, refused, stored, quarantined: kept, duplicate } = await server.drained()
    expect({ received, accepted }).toEqual({ received: accepted + refused, accepted: stored + kept + duplicate })
  })
})

describe('credentials', () => {
  const [username, password] = ['gauge', 'a-secret-that-no-log-may-show']
  const wrong = 'another-secret-of-somebody'
  let server: DewpointServer
  beforeAll(async () => {
    server = await startDewpoint({ env: { MQTT_PASSWORD: password, LOG_LEVEL: 'debug' } })
    // The file of startDewpoint has a broker section already, and a second one would be an error.
    const path = join(dirname(server.data), 'telemetry.yaml')
    const section = `  credentials: { username: ${username}, password: "\${MQTT_PASSWORD}" }\nhttp:`
    await server.stop()
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^http:/m, section))
    await server.restart()
  })
  afterAll(() => server.close())

  test.each([
    ['the password is wrong', { username, password: wrong }],
    ['the user name is wrong', { username: 'somebody', password }],
    ['there are none', {}],
  ])('client gets CONNACK 4 and is counted when %s', async (_, given) => {
    const before = await refusals(server, 'bad_credentials')
    const wire = await openWire(server.mqttPort)
    wire.socket.write(connectPacket({ clientId: 'stranger', ...given }))
    expect(await returnCode(wire)).toBe(4)
    await wire.closed
    expect(await refusals(server, 'bad_credentials')).toBe(before + 1)
    await expect(connect(server.mqttUrl, given)).rejects.toMatchObject({ code: 4 })
  })

  test('client is stored when its password is right', async () => {
    const client = await connect(server.mqttUrl, { username, password })
    await client.publishAsync('sensors/a/known/rainfall', '0.2', { qos: 1 })
    await client.endAsync()
    expect(await storedValues(server, 'known')).toEqual([0.2])
  })

  test('log holds no password when clients were refused and admitted', () => {
    expect(server.log()).toContain('bad_credentials')
    expect(server.log()).not.toContain(password)
    expect(server.log()).not.toContain(wrong)
  })
})
