/** Access as clients of a broker meet it. */
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Message, MessageKind, type PacketEntrance } from '../../telemetry/message.ts'
import { type Broker, type BrokerOptions, createBroker } from '../broker.ts'
import { createOwners } from '../sessions/owners.ts'
import { openSessionStore } from '../sessions/store.ts'
import type { AccessConfig } from './access.ts'
import { accountOf } from './account.ts'
import { type DeviceEntry, deviceLine } from './devices-file.ts'
import type { Owner } from './identity.ts'
import { derivedPassword, hashPassword } from './password.ts'

const patient = { timeout: 10_000, interval: 10 }
const keys = ['first-key-of-the-fleet-0123456789', 'second-key-of-the-fleet-0123456789'] as const
const hashes = { a: await hashPassword('a', true), b: await hashPassword('b', true) }

let folder: string
let file: string
let broker: Broker
let taken: Message[]
let counters = createCounters()
let clients: MqttClient[]

const entry = (name: string, credential: string, password: keyof typeof hashes | null = 'a'): DeviceEntry => ({
  ...(accountOf(name) as { site: string; device: string }),
  credential,
  created: '2026-11-24T12:00:00Z',
  password: password === null ? null : hashes[password],
  revoked: password === null ? '2026-11-25T12:00:00Z' : null,
})
function write(...entries: DeviceEntry[]): void {
  writeFileSync(`${file}.new`, entries.map(deviceLine).join(''))
  renameSync(`${file}.new`, file)
}
/** As the command does, without waiting for the system to tell. */
async function change(...entries: DeviceEntry[]): Promise<void> {
  write(...entries)
  await broker.reloadDevices()
}

const silent = pino({ level: 'silent' })
const config = (more: Partial<AccessConfig> = {}): AccessConfig => ({
  devices: file,
  derivedKeys: [...keys],
  operators: [{ username: 'ann', password: 'secret' }],
  rules: {
    publish: ['sensors/{site}/{device}/#'],
    subscribe: ['commands/{site}/{device}/#', 'alerts/{site}/{device}'],
  },
  anonymous: false,
  connectionsPerAddress: null,
  ...more,
})

async function open(access: AccessConfig | null = config(), more: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    access,
    statusTopic: 'sensors/{site}/{device}/status',
    async accept(message) {
      taken.push({ ...message, payload: Buffer.from(message.payload) })
    },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: silent,
    ...more,
  })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-access-'))
  file = join(folder, 'devices.yaml')
  taken = []
  clients = []
  counters = createCounters()
})
afterEach(async () => {
  for (const client of clients) client.end(true)
  await broker.close()
  rmSync(folder, { recursive: true, force: true })
})

/** As a broker before left them, each with a session. */
async function keepOwners(entries: Array<[string, Owner]>): Promise<void> {
  const store = await openSessionStore(folder, silent)
  const owners = createOwners(store)
  for (const [client, owner] of entries) {
    owners.set(client, owner)
    store.note(['subscribed', client, 'a', 1])
  }
  await store.close()
}
/** While no broker runs. */
async function keptOwners(): Promise<string[]> {
  const store = await openSessionStore(folder, silent)
  await store.close()
  return [...store.state.owners.keys()]
}

const url = () => `mqtt://127.0.0.1:${broker.addresses[0]?.port}`
async function client(options: IClientOptions = {}): Promise<MqttClient> {
  const it = await mqtt.connectAsync(url(), { reconnectPeriod: 0, ...options }, false)
  it.on('error', () => {})
  clients.push(it)
  return it
}
const device = (name: string, password = 'a', options: IClientOptions = {}) =>
  client({ username: name, password, clientId: name, ...options })
/** With its session, and listening before the first message can come. */
function comeBack(username: string): MqttClient {
  const session = { clean: false, clientId: 'home/gauge-7', reconnectPeriod: 0 }
  const it = mqtt.connect(url(), { ...session, username, password: 'a' })
  clients.push(it)
  return it
}
const operator = (options: IClientOptions = {}) => client({ username: 'ann', password: 'secret', ...options })
/** Resolves when the connection has ended. */
const closed = (it: MqttClient) =>
  new Promise<void>((resolve) => (it.connected ? it.once('close', resolve) : resolve()))
const publishes = () => taken.filter(({ kind }) => kind === MessageKind.publish).map(({ topic }) => topic)
function hear(it: MqttClient): string[] {
  const heard: string[] = []
  it.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  return heard
}

test('device publishes and subscribes under its own names only', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7')
  await gauge.publishAsync('sensors/home/gauge-7/rainfall', '1', { qos: 1 })
  await gauge.publishAsync('sensors/home/gauge-7/rainfall', '2', { qos: 2 })
  const granted = await gauge.subscribeAsync({ 'commands/home/gauge-7/#': { qos: 1 } })
  expect(granted).toMatchObject([{ qos: 1 }])
  expect(publishes()).toEqual(['sensors/home/gauge-7/rainfall', 'sensors/home/gauge-7/rainfall'])
  await expect(gauge.subscribeAsync('commands/home/+/#', { qos: 1 })).rejects.toThrow()
  await expect(gauge.subscribeAsync('$SYS/#')).rejects.toThrow()
  expect(counters.refused).toEqual({ subscription_denied: 2 })
  expect(gauge.connected).toBe(true)
})

test.each([0, 1, 2] as const)(
  'broker closes the connection without acknowledgement when a device publishes elsewhere at QoS %i [MQTT-3.3.5-2]',
  async (qos) => {
    write(entry('home/gauge-7', 'credential-7'))
    await open()
    const gauge = await device('home/gauge-7')
    let isAcknowledged = false
    gauge.publish('sensors/home/gauge-8/rainfall', '1', { qos }, (error) => {
      isAcknowledged = !error && qos > 0
    })
    await closed(gauge)
    expect(isAcknowledged).toBe(false)
    expect(publishes()).toEqual([])
    expect(counters.refused).toEqual({ topic_denied: 1 })
    expect(counters).toMatchObject({ received: 1, refusedReadings: 1 })
  },
)

test('broker refuses a device whose will is not its own to publish', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const will = { topic: 'sensors/home/gauge-8/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  await expect(device('home/gauge-7', 'a', { will })).rejects.toThrow(/not authorized/i)
  await device('home/gauge-7', 'a', { will: { ...will, topic: 'sensors/home/gauge-7/status' } })
  expect(counters.refused).toEqual({ topic_denied: 1 })
})

test('a filter that was denied beside a granted one brings nothing, now or after the return', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7', 'a', { clean: false })
  const heard = hear(gauge)
  const filters = { 'commands/home/gauge-7/#': { qos: 1 as const }, 'commands/home/gauge-8/#': { qos: 1 as const } }
  await new Promise<void>((resolve) => gauge.subscribe(filters, () => resolve()))
  const ann = await operator()
  const tell = async (word: string) => {
    await ann.publishAsync('commands/home/gauge-8/x', word, { qos: 1 })
    await ann.publishAsync('commands/home/gauge-7/x', word, { qos: 1 })
  }
  await tell('here')
  await vi.waitFor(() => expect(heard).toEqual(['commands/home/gauge-7/x here']), patient)
  await gauge.endAsync()
  await tell('away')
  const back = comeBack('home/gauge-7')
  const later = hear(back)
  await vi.waitFor(() => expect(later).toEqual(['commands/home/gauge-7/x away']), patient)
  await sleep(50)
  expect(later).toHaveLength(1)
})

test('device that is revoked while it is connected is closed at once, and its will is not published', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8'))
  await open()
  const will = { topic: 'sensors/home/gauge-7/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  const [gauge, other] = [await device('home/gauge-7', 'a', { will }), await device('home/gauge-8')]
  await change(entry('home/gauge-7', 'credential-9', null), entry('home/gauge-8', 'credential-8'))
  await closed(gauge)
  await expect(device('home/gauge-7')).rejects.toThrow(/bad username or password/i)
  expect(other.connected).toBe(true)
  await vi.waitFor(() => expect(taken.filter(({ kind }) => kind === MessageKind.disconnect)).toHaveLength(1), patient)
  expect(taken.filter(({ kind }) => kind === MessageKind.will)).toEqual([])
  expect(counters.refused.credential_revoked).toBe(2)
})

test('device that vanishes from the file is closed, too', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open(config({ derivedKeys: [] }))
  const gauge = await device('home/gauge-7')
  await change()
  await closed(gauge)
  await expect(device('home/gauge-7')).rejects.toThrow(/bad username or password/i)
})

test.each([
  ['does not hold', () => writeFileSync(file, 'devices: none\n')],
  ['is gone', () => rmSync(file)],
])('a file that %s later changes nothing', async (_, spoil) => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7')
  spoil()
  await broker.reloadDevices()
  expect(gauge.connected).toBe(true)
  await device('home/gauge-7', 'a', { clientId: 'home/gauge-7-2' })
})

test('a file that is written in its place is read when it is whole', async () => {
  const entries = [entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8')]
  write(...entries)
  await open(config({ derivedKeys: [] }))
  const gauge = await device('home/gauge-8')
  truncateSync(file, deviceLine(entries[0] as DeviceEntry).length)
  const reading = broker.reloadDevices()
  await sleep(50)
  writeFileSync(file, entries.map(deviceLine).join(''))
  await reading
  expect(gauge.connected).toBe(true)
  await device('home/gauge-7')
})

test('broker sees by itself that the file is another', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7')
  write()
  await closed(gauge)
})

test.each([
  ['revoked and given a new password', true],
  ['given a new password', false],
])('device %s while it was away finds nothing of its old session', async (_, isRevoked) => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7', 'a', { clean: false })
  await gauge.subscribeAsync('commands/home/gauge-7/#', { qos: 1 })
  await gauge.endAsync()
  const ann = await operator()
  await ann.publishAsync('commands/home/gauge-7/x', 'before', { qos: 1 })
  if (isRevoked) await change(entry('home/gauge-7', 'credential-8', null))
  await change(entry('home/gauge-7', 'credential-9', 'b'))
  await ann.publishAsync('commands/home/gauge-7/x', 'between', { qos: 1 })
  await expect(device('home/gauge-7', 'a', { clean: false })).rejects.toThrow()

  const back = await device('home/gauge-7', 'b', { clean: false })
  const heard = hear(back)
  await ann.publishAsync('commands/home/gauge-7/x', 'after', { qos: 1 })
  await sleep(100)
  expect(heard).toEqual([])
  await back.subscribeAsync('commands/home/gauge-7/#', { qos: 1 })
  await ann.publishAsync('commands/home/gauge-7/x', 'new', { qos: 1 })
  await vi.waitFor(() => expect(heard).toEqual(['commands/home/gauge-7/x new']), patient)
})

test('device with its credential finds its session and what waited for it', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open()
  const gauge = await device('home/gauge-7', 'a', { clean: false })
  await gauge.subscribeAsync('commands/home/gauge-7/#', { qos: 1 })
  await gauge.endAsync()
  await (await operator()).publishAsync('commands/home/gauge-7/x', 'waits', { qos: 1 })
  await change(entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8'))
  const back = comeBack('gauge-7')
  const heard = hear(back)
  await vi.waitFor(() => expect(heard).toEqual(['commands/home/gauge-7/x waits']), patient)
})

test('session of a life before is discarded when its owner was revoked meanwhile', async () => {
  write(entry('home/gauge-7', 'credential-8', 'b'))
  await keepOwners([
    ['home/gauge-7', { account: 'device home/gauge-7', credential: 'credential-7' }],
    ['barn/gauge-1', { account: 'device barn/gauge-1', credential: 'unknown' }],
    ['tool', { account: 'operator bob', credential: '' }],
    ['panel', { account: 'operator ann', credential: '' }],
  ])
  await open(config(), { folder })
  await broker.close()
  expect(await keptOwners()).toEqual(['panel'])
  await open()
})

test('will of a life before is published only for whom it still may be', async () => {
  write(entry('home/gauge-8', 'credential-8'), entry('home/gauge-7', 'credential-new'))
  const store = await openSessionStore(folder, silent)
  const left = (device: string, topic: string, owner?: Owner) =>
    store.note(['willed', device, topic, Buffer.from('offline'), 1, false, owner])
  const owner = (device: string, credential: string) => ({ account: `device home/${device}`, credential })
  left('gauge-7', 'sensors/home/gauge-7/status', owner('gauge-7', 'credential-7'))
  left('gauge-8', 'sensors/home/gauge-8/status', owner('gauge-8', 'credential-8'))
  left('gauge-8-b', 'elsewhere/gauge-8/status', owner('gauge-8', 'credential-8'))
  left('bob', 'sensors/bob/status', { account: 'operator bob', credential: '' })
  left('ann', 'sensors/ann/status', { account: 'operator ann', credential: '' })
  left('shared', 'sensors/shared/status', { account: 'shared', credential: '' })
  left('early', 'sensors/early/status')
  await store.close()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    await open(config(), { folder })
    await vi.advanceTimersByTimeAsync(limits.reconnectGraceMs)
  } finally {
    vi.useRealTimers()
  }
  const wills = () => taken.filter(({ kind }) => kind === MessageKind.will).map(({ client }) => client)
  await vi.waitFor(() => expect(wills()).toEqual(['gauge-8', 'ann', 'shared', 'early']), patient)
  expect(counters.refused).toEqual({ credential_revoked: 2, topic_denied: 1 })
  await broker.close()
  const after = await openSessionStore(folder, silent)
  await after.close()
  expect([...after.state.wills.keys()]).toEqual([])
  await open()
})

test('will of a device with a clean session is kept with its owner', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  await open(config(), { folder })
  const will = { topic: 'sensors/home/gauge-7/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  const gauge = await device('home/gauge-7', 'a', { will, clean: true })
  await broker.close()
  gauge.end(true)
  const store = await openSessionStore(folder, silent)
  await store.close()
  expect(store.state.wills.get(gauge.options.clientId as string)?.owner).toEqual({
    account: 'device home/gauge-7',
    credential: 'credential-7',
  })
  await open()
})

test('derived password lets a device in that stands nowhere, and only under its own name', async () => {
  await open()
  const [first, second] = keys
  await device('home/gauge-7', derivedPassword(first, 'home/gauge-7'))
  await device('home/gauge-8', derivedPassword(second, 'home/gauge-8'))
  const gauge = await device('barn/gauge-7', derivedPassword(first, 'barn/gauge-7'))
  await gauge.publishAsync('sensors/barn/gauge-7/rainfall', '1', { qos: 1 })
  await expect(device('home/gauge-9', derivedPassword(first, 'home/gauge-7'))).rejects.toThrow(/bad username/i)
  await expect(device('home/gauge-9', derivedPassword('another key'.repeat(4), 'home/gauge-9'))).rejects.toThrow()
})

test('derived password counts no more when the device is revoked, or has one of its own', async () => {
  await open()
  const password = derivedPassword(keys[0], 'home/gauge-7')
  const gauge = await device('home/gauge-7', password)
  await change(entry('home/gauge-7', 'credential-7', null))
  await closed(gauge)
  await expect(device('home/gauge-7', password)).rejects.toThrow(/bad username/i)
  await change(entry('home/gauge-7', 'credential-8', 'b'))
  await expect(device('home/gauge-7', password)).rejects.toThrow(/bad username/i)
  await device('home/gauge-7', 'b')
})

test('derived key that is being replaced keeps the sessions, one that is gone ends them', async () => {
  await open(config(), { folder })
  const [first, second] = keys
  const name = 'home/gauge-7'
  const gauge = await device(name, derivedPassword(first, name), { clean: false })
  await gauge.subscribeAsync('commands/home/gauge-7/#', { qos: 1 })
  await gauge.endAsync()
  const again = await device(name, derivedPassword(second, name), { clean: false })
  const heard = hear(again)
  await (await operator()).publishAsync('commands/home/gauge-7/x', 'still', { qos: 1 })
  await vi.waitFor(() => expect(heard).toEqual(['commands/home/gauge-7/x still']), patient)
  again.end(true)
  await broker.close()
  expect(await keptOwners()).toEqual([name])
  await open(config({ derivedKeys: [first] }), { folder })
  await broker.close()
  expect(await keptOwners()).toEqual([])
  await open()
})

test('device is known by its certificate, unless it was revoked', async () => {
  await open(config(), { certificateOf: () => ({ commonName: 'home/gauge-7', subjectAltNames: [] }) })
  const gauge = await client({ clientId: 'gauge-7' })
  await gauge.publishAsync('sensors/home/gauge-7/rainfall', '1', { qos: 1 })
  await expect(client({ username: 'home/gauge-8', password: 'x', clientId: 'gauge-8' })).rejects.toThrow()
  await operator()
  await change(entry('home/gauge-7', 'credential-7', null))
  await closed(gauge)
  await expect(client({ clientId: 'gauge-7' })).rejects.toThrow(/bad username/i)
})

test('device connects by its own client identifiers, and nobody by those of a device that is there', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-7-2', 'credential-8'))
  await open(config(), { credentials: { username: 'fleet', password: 'shared' } })
  for (const clientId of ['', 'gauge-7', 'home/gauge-7', 'gauge-7_ab12'])
    await device('home/gauge-7', 'a', { clientId })
  for (const clientId of ['gauge-71', 'other']) {
    await expect(device('home/gauge-7', 'a', { clientId })).rejects.toThrow(/identifier rejected/i)
  }
  const second = await device('home/gauge-7-2', 'a', { clientId: 'gauge-7-2' })
  await expect(device('home/gauge-7', 'a', { clientId: 'gauge-7-2' })).rejects.toThrow(/identifier rejected/i)
  const fleet = { username: 'fleet', password: 'shared', clientId: 'gauge-7-2' }
  await expect(client(fleet)).rejects.toThrow(/identifier rejected/i)
  await expect(operator({ clientId: 'gauge-7-2' })).rejects.toThrow(/identifier rejected/i)
  expect(second.connected).toBe(true)
  // Its own reconnect takes over, as ever [MQTT-3.1.4-2].
  await device('home/gauge-7-2', 'a', { clientId: 'gauge-7-2' })
  await closed(second)
})

test('device whose exact name it is takes the identifier back', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-7-2', 'credential-8'))
  await open()
  const squatter = await device('home/gauge-7', 'a', { clientId: 'gauge-7-2', clean: false })
  await squatter.subscribeAsync('commands/home/gauge-7/#', { qos: 1 })
  const owner = await device('home/gauge-7-2', 'a', { clientId: 'gauge-7-2', clean: false })
  await closed(squatter)
  const heard = hear(owner)
  await (await operator()).publishAsync('commands/home/gauge-7/x', 'not yours', { qos: 1 })
  await sleep(100)
  expect(heard).toEqual([])
})

test.each(['+', '#', 'home/+', 'home/#', '+/gauge-7', 'a/b/c', '', '/', 'a\\b', '$SYS', '{device}'])(
  'the user name %j gets the same answer as every other stranger',
  async (username) => {
    write(entry('home/gauge-7', 'credential-7'))
    await open()
    const password = derivedPassword(keys[0], 'home/gauge-7')
    await expect(client({ username, password })).rejects.toThrow(/bad username or password/i)
    expect(counters.refused).toEqual({ bad_credentials: 1 })
  },
)

test('unknown, known and revoked names are answered alike, no earlier than the least time', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8', null))
  await open()
  for (const name of ['home/gauge-7', 'home/gauge-8', 'home/nobody', 'ann', 'fleet']) {
    const beginMs = performance.now()
    await expect(device(name, 'wrong')).rejects.toThrow(/bad username or password/i)
    expect(performance.now() - beginMs).toBeGreaterThanOrEqual(limits.wrongPasswordAnswerMsMin - 5)
  }
})

test('who guesses waits, and not even a right guess counts meanwhile; others are let in', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8'))
  await open()
  const guesses = Array.from({ length: limits.attemptsFreePerName + 3 }, (_, i) => device('home/gauge-7', `guess ${i}`))
  const ends = await Promise.allSettled(guesses)
  expect(ends.every(({ status }) => status === 'rejected')).toBe(true)
  expect(counters.refused.too_many_attempts).toBeGreaterThanOrEqual(2)
  await expect(device('home/gauge-7')).rejects.toThrow(/unavailable/i)
  await device('home/gauge-8')
})

test('a flood of wrong passwords stops nobody who is connected, or was before', async () => {
  write(entry('home/gauge-7', 'credential-7'), entry('home/gauge-8', 'credential-8'))
  await open()
  const gauge = await device('home/gauge-7')
  await (await device('home/gauge-8')).endAsync()
  let isOver = false
  const flood = Promise.allSettled(
    Array.from({ length: 300 }, (_, i) => device(`home/stranger-${i}`, 'wrong', { connectTimeout: 60_000 })),
  ).finally(() => {
    isOver = true
  })
  for (let i = 0; i < 50; i++) await gauge.publishAsync('sensors/home/gauge-7/rainfall', String(i), { qos: 1 })
  await (await device('home/gauge-8')).publishAsync('sensors/home/gauge-8/rainfall', '1', { qos: 1 })
  expect(isOver).toBe(false)
  expect(publishes()).toHaveLength(51)
  await flood
  expect(counters.refused.too_many_attempts).toBeGreaterThan(0)
})

test('operators read everything and $SYS, and publish commands; the shared account reads no $SYS', async () => {
  await open(config(), { credentials: { username: 'fleet', password: 'shared' } })
  const ann = await operator()
  expect(await ann.subscribeAsync(['#', '$SYS/#'])).toMatchObject([{ qos: 0 }, { qos: 0 }])
  await ann.publishAsync('commands/home/gauge-7/x', '1', { qos: 1 })
  const fleet = await client({ username: 'fleet', password: 'shared' })
  await fleet.publishAsync('sensors/any/where/rainfall', '1', { qos: 1 })
  await expect(fleet.subscribeAsync('$SYS/#')).rejects.toThrow()
  await expect(client()).rejects.toThrow(/bad username/i)
})

test('everybody is let in, by any name, when neither access nor credentials are configured', async () => {
  await open(null)
  await (await client()).publishAsync('sensors/any/where/rainfall', '1', { qos: 1 })
  const named = await client({ username: 'somebody', password: 'x', clientId: 'other' })
  await named.publishAsync('sensors/any/where/rainfall', '1', { qos: 1 })
  expect(await named.subscribeAsync(['#', '$SYS/#'])).toHaveLength(2)
  expect(counters.refused).toEqual({})
})

test('client without a user name is let in when anonymous is said, one with a wrong password is not', async () => {
  await open(config({ anonymous: true }))
  await (await client()).publishAsync('sensors/any/where/rainfall', '1', { qos: 1 })
  await expect(device('home/gauge-7', 'wrong')).rejects.toThrow(/bad username/i)
})

test('one address has no more connections than the configuration says', async () => {
  await open(config({ connectionsPerAddress: 2 }))
  const [first] = [await operator(), await operator()]
  await expect(operator({ connectTimeout: 2_000 })).rejects.toThrow()
  expect(counters.refused.too_many_connections_from_address).toBe(1)
  await first?.endAsync()
  await vi.waitFor(() => operator(), patient)
})

test('device that sends faster than its limit is held up, in order, and loses nothing', async () => {
  const usual = { ...limits }
  const slow = { deviceMessagesBurst: 20, deviceMessagesPerS: 50 }
  Object.assign(limits, slow)
  try {
    write(entry('home/gauge-7', 'credential-7'))
    await open()
    const gauge = await device('home/gauge-7')
    const sent = Array.from({ length: 60 }, (_, i) => gauge.publishAsync(`sensors/home/gauge-7/${i}`, '1', { qos: 1 }))
    await Promise.all(sent)
    expect(counters.throttled).toBeGreaterThan(0)
    expect(publishes()).toEqual(sent.map((_, i) => `sensors/home/gauge-7/${i}`))
  } finally {
    Object.assign(limits, usual)
  }
})

test('broker does not start when the devices file does not hold', async () => {
  writeFileSync(file, '- {"device":"+"}\n')
  await expect(open()).rejects.toThrow(/devices\.yaml:1: device/)
  rmSync(file)
  await open()
})

test('rights count on the short way past aedes, too', async () => {
  write(entry('home/gauge-7', 'credential-7'))
  const short: string[] = []
  let settle = (_durable: number, _error: Error | null): void => {}
  const packets: PacketEntrance = {
    append({ bytes, topicAt, topicEnd }) {
      short.push(Buffer.from(bytes.subarray(topicAt, topicEnd)).toString())
      const end = short.length
      setImmediate(() => settle(end, null))
      return end
    },
    onSettled(listener) {
      const before = settle
      settle = (durable, error) => {
        before(durable, error)
        listener(durable, error)
      }
    },
    unsynced: () => 0,
  }
  await open(config(), { packets })
  const gauge = await device('home/gauge-7')
  await vi.waitFor(async () => {
    await gauge.publishAsync('sensors/home/gauge-7/rainfall', '1', { qos: 1 })
    expect(short.length).toBeGreaterThan(0)
  }, patient)
  // Known to the lane, and nobody subscribes to it.
  const ann = await operator()
  const before = short.length
  await vi.waitFor(async () => {
    await ann.publishAsync('sensors/home/gauge-8/rainfall', '1', { qos: 1 })
    expect(short.length).toBeGreaterThan(before)
  }, patient)
  const known = short.length
  gauge.publish('sensors/home/gauge-8/rainfall', '1', { qos: 1 })
  await closed(gauge)
  expect(short).toHaveLength(known)
  expect(counters.refused).toEqual({ topic_denied: 1 })

  const again = await device('home/gauge-7')
  const large = Buffer.alloc(limits.packetBytesMax - 100)
  const count = Math.ceil(limits.deviceBytesBurst / large.length) + 2
  for (let i = 0; i < count; i++) again.publish('sensors/home/gauge-7/rainfall', large, { qos: 1 })
  await vi.waitFor(() => expect(counters.throttled).toBeGreaterThan(0), patient)
})
