/** Devices that break off, leave, fall silent, come back or are taken over: their state, and the alert of an outage. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { connect, deviceOf, type Heard, listen, patient } from './helpers.ts'
import { connectPacket, disconnectPacket, openDevice, openWire, publishPacket, type Wire } from './wire.ts'

/** Devices that stay, so that those of the tests are few, and their outages not one that they share with all. */
const steadyCount = 60

let server: DewpointServer
beforeAll(async () => {
  server = await startDewpoint()
  for (let i = 0; i < steadyCount; i++) {
    const name = `steady-${i}`
    await openDevice(server.mqttPort, { clientId: name, status: status(name), keepAliveS: 0 })
  }
})
afterAll(() => server.close())

const undo: Array<() => unknown> = []
afterEach(() => {
  for (const step of undo.splice(0)) step()
})

// Each at a site of its own.
const status = (name: string) => `sensors/at-${name}/${name}/status`
const alert = (name: string) => `alerts/at-${name}/${name}`

async function device(name: string, keepAliveS = 0): Promise<Wire> {
  const wire = await openDevice(server.mqttPort, { clientId: name, status: status(name), keepAliveS })
  undo.push(() => wire.socket.destroy())
  return wire
}
async function follow(filter: string): Promise<Heard[]> {
  const { heard, client } = await listen(server.mqttUrl, filter)
  undo.push(() => client.end(true))
  return heard
}
/** What somebody finds who subscribes now. Retained messages come before the answer to what is published after them. */
async function retained(name: string): Promise<Heard[]> {
  const { heard, client } = await listen(server.mqttUrl, alert(name))
  await client.publishAsync(alert(`${name}/end`), '', { qos: 1 })
  await client.endAsync()
  return heard
}
const becomes = (name: string, state: string) =>
  vi.waitFor(async () => expect((await deviceOf(server, name))?.state).toBe(state), patient)

test('device is offline within a second when its socket is destroyed', async () => {
  const took: number[] = []
  for (let round = 0; round < 5; round++) {
    const name = `torn-${round}`
    const wire = await device(name)
    await becomes(name, 'online')
    const destroyedAt = performance.now()
    wire.socket.destroy()
    await becomes(name, 'offline')
    took.push(performance.now() - destroyedAt)
    expect((await deviceOf(server, name))?.why).toBe('connection broke without a DISCONNECT')
  }
  process.stderr.write(`offline after ${took.map((ms) => Math.round(ms)).join(', ')} ms\n`)
  expect(Math.max(...took)).toBeLessThan(1000)
})

test('alert is retained when a device breaks off, and gone when the device is back', async () => {
  const heard = await follow(alert('alarm'))
  const wire = await device('alarm')
  await becomes('alarm', 'online')
  const beforeMs = Date.now()
  wire.socket.destroy()
  await vi.waitFor(() => expect(heard).toHaveLength(1), patient)

  const [found, ...others] = await retained('alarm')
  expect(others).toEqual([])
  expect(found).toMatchObject({ topic: alert('alarm'), retain: true, payload: heard[0]?.payload })
  const said = JSON.parse(found?.payload ?? '')
  expect(Object.keys(said).slice(0, 7)).toEqual(['alert', 'site', 'device', 'state', 'since', 'lastSeen', 'why'])
  expect(said).toMatchObject({ alert: 'device-offline', site: 'at-alarm', device: 'alarm', state: 'offline' })
  expect(said.why).toBe('connection broke without a DISCONNECT')
  expect(Date.parse(said.since)).toBeGreaterThanOrEqual(beforeMs - 1)
  expect(Date.parse(said.lastSeen)).toBeLessThanOrEqual(Date.parse(said.since))
  expect(await deviceOf(server, 'alarm')).toMatchObject({ since: said.since, state: 'offline' })

  await device('alarm')
  await vi.waitFor(() => expect(heard).toHaveLength(3), patient)
  expect(JSON.parse(heard[1]?.payload ?? '')).toMatchObject({ device: 'alarm', state: 'online' })
  expect(heard[2]?.payload).toBe('')
  expect(await retained('alarm')).toEqual([])
  await becomes('alarm', 'online')
})

test('will reaches subscribers when a device breaks off', async () => {
  const heard = await follow(status('willed'))
  const wire = await device('willed')
  wire.socket.destroy()
  await vi.waitFor(() => expect(heard.map((it) => it.payload)).toEqual(['online', 'offline']), patient)
})

test('device is offline without an alert when it disconnects by itself', async () => {
  const heard = await follow('alerts/#')
  const wire = await device('leaving')
  await becomes('leaving', 'online')
  wire.socket.write(disconnectPacket)
  await becomes('leaving', 'offline')
  expect((await deviceOf(server, 'leaving'))?.why).toBe('disconnected by itself')

  // Alerts come one after the other: that of a later outage would stand behind one for this device.
  const other = await device('after-leaving')
  other.socket.destroy()
  await vi.waitFor(() => expect(heard.map((it) => it.topic)).toContain(alert('after-leaving')), patient)
  expect(heard.map((it) => it.topic)).not.toContain(alert('leaving'))
})

test('device stays online without an alert when its client connects again before the old connection ended', async () => {
  const statuses = await follow(status('twice'))
  const alerts = await follow('alerts/#')
  const first = await device('twice')
  await becomes('twice', 'online')
  const since = (await deviceOf(server, 'twice'))?.since
  const second = await device('twice')
  await first.closed
  // The old session's will is published, whether before or behind the new birth.
  const payloads = () => statuses.map((it) => it.payload).toSorted()
  await vi.waitFor(() => expect(payloads()).toEqual(['offline', 'online', 'online']), patient)

  const other = await device('after-twice')
  other.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('after-twice')), patient)
  expect(alerts.map((it) => it.topic)).not.toContain(alert('twice'))
  expect(await deviceOf(server, 'twice')).toMatchObject({ state: 'online', since })
  expect(await retained('twice')).toEqual([])

  second.socket.destroy()
  await becomes('twice', 'offline')
  await vi.waitFor(async () => expect(await retained('twice')).toHaveLength(1), patient)
})

test('device stays online without an alert when ten connections take each other over at once', async () => {
  const statuses = await follow(status('rushed'))
  const alerts = await follow('alerts/#')
  const fields = { clientId: 'rushed', will: { topic: status('rushed'), payload: 'offline' } }
  const wires = await Promise.all(Array.from({ length: 10 }, () => openWire(server.mqttPort)))
  for (const { socket } of wires) {
    undo.push(() => socket.destroy())
    // The birth waits behind CONNECT for no answer: wills of those before come on both sides of it.
    socket.write(Buffer.concat([connectPacket(fields), publishPacket(status('rushed'), 'online', 1, true)]))
  }
  const isOpen = () => wires.filter(({ socket }) => !socket.destroyed)
  await vi.waitFor(() => expect(isOpen()).toHaveLength(1), patient)
  await isOpen()[0]?.bytes(8)
  const heard = () => statuses.map((it) => it.payload)
  await vi.waitFor(() => expect(heard().filter((it) => it === 'offline')).toHaveLength(9), patient)

  const other = await device('after-rushed')
  other.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('after-rushed')), patient)
  expect(alerts.map((it) => it.topic)).not.toContain(alert('rushed'))
  expect((await deviceOf(server, 'rushed'))?.state).toBe('online')
})

test('nobody is told of a device that breaks off when it is back within the grace', async () => {
  const alerts = await follow('alerts/#')
  let wire = await device('back-at-once')
  for (let round = 0; round < 10; round++) {
    wire.socket.destroy()
    wire = await device('back-at-once')
  }
  const other = await device('after-back')
  other.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('after-back')), patient)
  expect(alerts.map((it) => it.topic)).not.toContain(alert('back-at-once'))
  expect((await deviceOf(server, 'back-at-once'))?.state).toBe('online')
  wire.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('back-at-once')), patient)
})

test('device stays online without an alert when two clients fight for its identifier', async () => {
  const alerts = await follow('alerts/#')
  let holder = await device('fought-for')
  await becomes('fought-for', 'online')
  const since = (await deviceOf(server, 'fought-for'))?.since
  // Each connects anew as soon as the other one has thrown it out.
  for (let round = 0; round < 30; round++) {
    const thrownOut = holder
    holder = await device('fought-for')
    await thrownOut.closed
  }
  const other = await device('after-fight')
  other.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('after-fight')), patient)
  expect(alerts.map((it) => it.topic)).not.toContain(alert('fought-for'))
  // It was in no other state meanwhile.
  expect(await deviceOf(server, 'fought-for')).toMatchObject({ state: 'online', since })
  holder.socket.destroy()
  await becomes('fought-for', 'offline')
})

test('device ends with its last state when it flaps twenty times', async () => {
  for (let i = 0; i < 20; i++) {
    const wire = await device('flapping')
    wire.socket.destroy()
  }
  await device('flapping')
  await becomes('flapping', 'online')
  await vi.waitFor(async () => expect(await retained('flapping')).toEqual([]), patient)
  expect((await deviceOf(server, 'flapping'))?.state).toBe('online')
})

test('device is offline with the reason when it falls silent for longer than its keep alive', async () => {
  const wire = await device('silent', 1)
  await becomes('silent', 'online')
  await becomes('silent', 'offline')
  await wire.closed
  const why = 'nothing heard for one and a half keep-alive intervals'
  expect((await deviceOf(server, 'silent'))?.why).toBe(why)
  await vi.waitFor(async () => {
    const [found] = await retained('silent')
    expect(JSON.parse(found?.payload ?? '{}')).toMatchObject({ device: 'silent', why })
  }, patient)
})

test('device without a will is offline with an alert when its connection breaks after a reading', async () => {
  const wire = await openWire(server.mqttPort)
  undo.push(() => wire.socket.destroy())
  wire.socket.write(connectPacket({ clientId: 'plain' }))
  wire.socket.write(publishPacket('sensors/at-plain/plain/rainfall', '0.2', 1))
  await becomes('plain', 'online')
  wire.socket.destroy()
  await becomes('plain', 'offline')
  await vi.waitFor(async () => expect(await retained('plain')).toHaveLength(1), patient)
})

test('device stays online when the will of an older connection comes behind its new birth', async () => {
  const statuses = await follow(status('moved'))
  const alerts = await follow('alerts/#')
  // A client that makes up a new identifier for each connection is taken over by nobody.
  const fields = { status: status('moved') }
  const older = await openDevice(server.mqttPort, { ...fields, clientId: 'moved-1' })
  const newer = await openDevice(server.mqttPort, { ...fields, clientId: 'moved-2' })
  undo.push(() => newer.socket.destroy())
  older.socket.destroy()
  const payloads = () => statuses.map((it) => it.payload)
  await vi.waitFor(() => expect(payloads()).toEqual(['online', 'online', 'offline']), patient)
  const other = await device('after-moved')
  other.socket.destroy()
  await vi.waitFor(() => expect(alerts.map((it) => it.topic)).toContain(alert('after-moved')), patient)
  expect(alerts.map((it) => it.topic)).not.toContain(alert('moved'))
  expect((await deviceOf(server, 'moved'))?.state).toBe('online')
  newer.socket.destroy()
  await becomes('moved', 'offline')
})

test('client of another device takes nobody offline when it ends', async () => {
  await device('staying')
  await becomes('staying', 'online')
  const passer = await connect(server.mqttUrl)
  await passer.publishAsync('elsewhere/a/b', '1', { qos: 1 })
  passer.stream.destroy()
  const other = await device('after-passer')
  other.socket.destroy()
  await becomes('after-passer', 'offline')
  expect((await deviceOf(server, 'staying'))?.state).toBe('online')
})
