/** The real thing: child processes with their parts of the journal on disk, killed in the middle of traffic. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { connectAsync } from 'mqtt'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Broker, type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { forkWorker } from '../../broker/workers/fork.ts'
import type { WorkerProcess } from '../../broker/workers/worker.ts'
import { openJournal } from '../../journal/journal.ts'
import { openReader } from '../../journal/reader.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { type JournalEnd, type Message, MessageKind, type Record } from '../../telemetry/message.ts'
import type { PartSetup } from '../../worker.ts'
import { type Publisher, startPublisher } from '../faults/publisher.ts'
import { acknowledgedBy, until, untilAcknowledged } from '../faults/waiting.ts'
import { connect, publish, subscribe } from '../mqtt/packets.ts'
import { openPeer } from '../mqtt/peer.ts'

const entry = resolve(import.meta.dirname, '..', '..', 'dist', 'worker.js')
const patient = { timeout: 20_000, interval: 20 }
const log = pino({ level: 'silent' })
const bytesMax = 1024 * 1024 * 1024

let folder: string
let broker: Broker
let counters = createCounters()
/** What took the long way. */
let accepted: Message[]
let ends: Map<number, JournalEnd>
let running: Map<number, WorkerProcess>
let publishers: Publisher[]

const folderOf = (part: number) => join(folder, `journal-${part}`)
const port = () => (broker.addresses[0] as { port: number }).port

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-workers-'))
  counters = createCounters()
  isClosed = false
  accepted = []
  publishers = []
  ends = new Map()
  running = new Map()
})
async function open(more: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    async accept(message) {
      accepted.push({ ...message, payload: Buffer.from(message.payload) })
    },
    workers: {
      count: 2,
      endOf: (part) => ends.get(part) ?? { position: 0, ordinal: 0, receivedAtUs: 0 },
      partGrew: (part, end) => void ends.set(part, end),
      async recoverPart(part) {
        const journal = await openJournal({ folder: folderOf(part), log, bytesMax })
        await journal.close()
        return journal.end()
      },
      start(part, setup) {
        const startAt = { position: 0, ordinal: 0 }
        const started: PartSetup = { part, folder: folderOf(part), startAt, logLevel: 'silent' }
        const process = forkWorker(entry, { setup, part: started })
        running.set(part, process)
        return process
      },
    },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log,
    ...more,
  })
}
afterEach(async () => {
  for (const publisher of publishers) publisher.close()
  await close()
  rmSync(folder, { recursive: true })
})

let isClosed = false
async function close(): Promise<void> {
  if (!isClosed) await broker.close()
  isClosed = true
}

async function recordsOf(part: number): Promise<Record[]> {
  const journal = await openJournal({ folder: folderOf(part), log, bytesMax })
  const reader = openReader(folderOf(part), journal, journal.first.position)
  const records: Record[] = []
  for (let at = journal.first.position; at < journal.durable(); ) {
    const chunk = await reader.read()
    records.push(...chunk.records)
    at = chunk.next
  }
  await reader.close()
  await journal.close()
  return records
}

test('every acknowledged reading is in a part when workers are killed under load', async () => {
  await open()
  publishers = [
    startPublisher({ port: port(), device: 'single-1', perSecond: 500 }),
    startPublisher({ port: port(), device: 'single-2', perSecond: 500 }),
    startPublisher({ port: port(), device: 'gateway-1', window: 50, perSecond: 2000 }),
    startPublisher({ port: port(), device: 'gateway-2', window: 50, perSecond: 2000 }),
  ]
  await untilAcknowledged(publishers, 500)
  for (let i = 0; i < 6; i++) {
    await sleep(100 + 150 * Math.random())
    running.get(1 + (i % 2))?.kill()
    await untilAcknowledged(publishers, 300)
  }
  for (const publisher of publishers) publisher.pause()
  for (const publisher of publishers) await publisher.finish()
  const acknowledged = acknowledgedBy(publishers)
  const sent = publishers.flatMap((publisher) => publisher.sent)
  expect(acknowledged).toBe(sent.length)
  await close()
  const inParts = [...(await recordsOf(1)), ...(await recordsOf(2))]
  const long = accepted.filter(({ kind }) => kind === MessageKind.publish)
  const kept = new Set([...inParts, ...long].map(({ topic, payload }) => `${topic} ${payload}`))
  for (const publisher of publishers) {
    for (const { payload } of publisher.sent) expect(kept).toContain(`sensors/x/${publisher.device}/voltage ${payload}`)
  }
  // Most went the short way, and all of it was told.
  expect(inParts.length).toBeGreaterThan(long.length)
  for (const part of [1, 2]) {
    expect(ends.get(part)?.ordinal).toBe((await recordsOf(part)).length)
  }
  expect(counters.received).toBe(inParts.length + long.length)
  const reasons = accepted.filter(({ kind }) => kind === MessageKind.disconnect).map(({ payload }) => String(payload))
  expect(reasons.filter((it) => it === '{"reason":"worker"}').length).toBeGreaterThanOrEqual(6)
})

test('reading reaches a subscriber at another worker, and a subscription ends what was granted', async () => {
  await open()
  const peer = await openPeer(port(), 5_000)
  const page = await openPeer(port(), 5_000)
  for (const [it, id] of [
    [peer, 'gauge'],
    [page, 'page'],
  ] as const) {
    it.send(connect({ id }))
    await it.expect('connack')
  }
  for (let id = 1; id <= 50; id++) {
    peer.send(publish('sensors/a/b/c', String(id), { qos: 1, id }))
    await peer.expect('puback')
  }
  expect((ends.get(1)?.ordinal ?? 0) + (ends.get(2)?.ordinal ?? 0)).toBeGreaterThan(40)
  page.send(subscribe(1, ['sensors/#', 1]))
  await page.expect('suback')
  peer.send(publish('sensors/a/b/c', 'heard', { qos: 1, id: 51 }))
  expect((await page.expectPublish()).payload).toBe('heard')
  await peer.drop()
  await page.drop()
  await vi.waitFor(() => expect(counters.connectionsOpen).toBe(0), patient)
})

test('broker closes with connections open, and its workers end by themselves', async () => {
  await open()
  const peer = await openPeer(port(), 5_000)
  peer.send(connect({ id: 'gauge' }))
  await peer.expect('connack')
  const silent = await openPeer(port(), 5_000)
  const ended = Promise.all([...running.values()].map(({ ended }) => ended))
  const beginMs = performance.now()
  await close()
  expect(performance.now() - beginMs).toBeLessThan(3_000)
  expect(await ended).toEqual(['exit code 0', 'exit code 0'])
  await Promise.all([peer.expectClosed(), silent.expectClosed()])
  await until(() => counters.connectionsOpen === 0, 'all connections gone', 1_000)
})

describe('with certificates', () => {
  const certificates = mkdtempSync(join(tmpdir(), 'dewpoint-tls-'))
  const path = (name: string) => join(certificates, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: certificates, stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const certify = (name: string) => {
    openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`)
  }
  beforeAll(() => {
    openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=ca')
    for (const name of ['server', 'gauge-7']) certify(name)
  })
  afterAll(() => rmSync(certificates, { recursive: true }))
  const files = () => {
    const clientCertificates = 'optional' as const
    return { cert: path('server.crt'), key: path('server.key'), ca: path('ca.crt'), clientCertificates }
  }
  const device = () => ({ cert: readFileSync(path('gauge-7.crt')), key: readFileSync(path('gauge-7.key')) })
  const loose = { rejectUnauthorized: false, reconnectPeriod: 0 }

  test.each(['mqtts', 'ws', 'wss'] as const)(
    'messages of all ways and sizes pass when the listener is %s',
    async (scheme) => {
      await open({ listen: [{ scheme, host: '127.0.0.1', port: 0 }], tls: files() })
      const it = await connectAsync(`${scheme}://127.0.0.1:${port()}/mqtt`, loose)
      const heard: string[] = []
      it.on('message', (topic, payload) => heard.push(`${topic} ${payload.length}`))
      await it.subscribeAsync('a/#', { qos: 1 })
      await it.publishAsync('a/small', 'x', { qos: 1 })
      await it.publishAsync('a/large', Buffer.alloc(200_000), { qos: 1 })
      await it.publishAsync('a/twice', 'x', { qos: 2 })
      await vi.waitFor(() => expect(heard).toEqual(['a/small 1', 'a/large 200000', 'a/twice 1']), patient)
      for (let i = 0; i < 20; i++) await it.publishAsync('sensors/a/b/c', String(i), { qos: 1 })
      expect((ends.get(1)?.ordinal ?? 0) + (ends.get(2)?.ordinal ?? 0)).toBeGreaterThan(10)
      await it.endAsync()
      const byItself = { kind: MessageKind.disconnect, payload: Buffer.from('{"reason":"client"}') }
      await vi.waitFor(() => expect(accepted.at(-1)).toMatchObject(byItself), patient)
      await vi.waitFor(() => expect(counters.connectionsOpen).toBe(0), patient)
    },
  )

  test('device signs in by the certificate that it showed to a worker', async () => {
    const devices = path('devices.jsonl')
    const rules = { publish: ['sensors/{device}/#'], subscribe: [] }
    const access = { devices, derivedKeys: [], operators: [], rules, anonymous: false, connectionsPerAddress: null }
    await open({ listen: [{ scheme: 'mqtts', host: '127.0.0.1', port: 0 }], tls: files(), access })
    const url = `mqtts://127.0.0.1:${port()}`
    await expect(connectAsync(url, { ...loose, clientId: 'gauge-7' }, false)).rejects.toThrow(/bad username/i)
    const it = await connectAsync(url, { ...loose, ...device(), clientId: 'gauge-7' }, false)
    for (let i = 0; i < 10; i++) await it.publishAsync('sensors/gauge-7/rainfall', String(i), { qos: 1 })
    const denied = new Promise<void>((resolve) => it.once('close', () => resolve()))
    it.publish('sensors/gauge-8/rainfall', '1', { qos: 1 }, () => {})
    await denied
    expect(counters.refused).toEqual({ bad_credentials: 1, topic_denied: 1 })
  })

  test('TLS session begun at one worker resumes at another, after a new certificate, too', async () => {
    await open({ listen: [{ scheme: 'mqtts', host: '127.0.0.1', port: 0 }], tls: files() })
    const connectTo = async (session?: Buffer) => {
      const socket = connectTls({ port: port(), host: '127.0.0.1', ...loose, ...(session && { session }) })
      const ticket = once(socket, 'session')
      socket.resume()
      await once(socket, 'secureConnect')
      socket.write(connect({ id: `c${Math.random()}` }))
      const [given] = session === undefined ? await ticket : [session]
      return { socket, session: given as Buffer }
    }
    const first = await connectTo()
    broker.reloadCertificate('test')
    const second = await connectTo(first.session)
    expect(second.socket.isSessionReused()).toBe(true)
    expect(broker.workers().map(({ connections }) => connections)).toEqual([1, 1])
    for (const { socket } of [first, second]) socket.destroy()
  })
})
