import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { limits } from '../telemetry/limits.ts'
import { MessageKind } from '../telemetry/message.ts'
import { shownCertificate } from './access/certificate-names.ts'
import { type Broker, type BrokerOptions, createBroker } from './broker.ts'
import { openListeners } from './listeners.ts'
import type { TlsFiles } from './tls.ts'
import { socketOf, type Transport } from './way-in.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-tls-'))
const path = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** A certificate that the authority of that name vouches for. */
function certify(name: string, authority: string): void {
  openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(path('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const signed = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-days', '2']
  openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', 'san.cnf', '-out', `${name}.crt`)
}
beforeAll(() => {
  for (const authority of ['ca', 'stranger']) {
    openssl(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      `${authority}.key`,
      '-out',
      `${authority}.crt`,
      '-subj',
      `/CN=${authority}`,
    )
  }
  certify('first', 'ca')
  certify('second', 'ca')
  certify('gauge-7', 'ca')
  certify('intruder', 'stranger')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let counters = createCounters()
let lines: string[]
let closers: Array<() => unknown>
beforeEach(() => {
  counters = createCounters()
  lines = []
  closers = []
  copyFileSync(path('first.crt'), path('server.crt'))
  copyFileSync(path('first.key'), path('server.key'))
})
afterEach(async () => {
  for (const close of closers.reverse()) await close()
})

const log = () => pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
const tls = (more: Partial<TlsFiles> = {}): TlsFiles => ({
  cert: path('server.crt'),
  key: path('server.key'),
  ca: null,
  clientCertificates: 'none',
  ...more,
})
async function open(
  scheme: 'mqtt' | 'mqtts' | 'ws' | 'wss',
  more: Partial<BrokerOptions> = {},
): Promise<{ broker: Broker; url: string; port: number; topics: string[] }> {
  const topics: string[] = []
  const broker = await createBroker({
    listen: [{ scheme, host: '127.0.0.1', port: 0 }],
    tls: tls(),
    credentials: null,
    statusTopic: 's/{device}',
    async accept({ kind, topic }) {
      if (kind === MessageKind.publish) topics.push(topic)
    },
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: log(),
    ...more,
  })
  closers.push(broker.close)
  const { port } = broker.addresses[0] as { port: number }
  return { broker, url: `${scheme}://127.0.0.1:${port}${scheme.startsWith('ws') ? '/mqtt' : ''}`, port, topics }
}
async function client(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const trusted = { ca: [path('ca.crt')].map((it) => execFileSync('cat', [it])) }
  const it = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5000, ...trusted, ...options }, false)
  closers.push(() => it.endAsync(true))
  return it
}
const shows = (name: string): IClientOptions => ({
  cert: execFileSync('cat', [path(`${name}.crt`)]),
  key: execFileSync('cat', [path(`${name}.key`)]),
})

test.each(['mqtt', 'mqtts', 'ws', 'wss'] as const)(
  'listener takes and delivers messages when it is %s',
  async (scheme) => {
    const { url, topics, broker } = await open(scheme)
    const device = await client(url)
    const heard: string[] = []
    device.on('message', (topic, payload) => heard.push(`${topic} ${payload.length}`))
    await device.subscribeAsync('a/#', { qos: 1 })
    await device.publishAsync('a/small', 'x', { qos: 1 })
    await device.publishAsync('a/large', Buffer.alloc(200_000), { qos: 1 })
    await device.publishAsync('a/twice', 'x', { qos: 2 })
    await expect.poll(() => heard).toEqual(['a/small 1', 'a/large 200000', 'a/twice 1'])
    expect(topics).toEqual(['a/small', 'a/large', 'a/twice'])
    const { host, port, path: rest } = broker.addresses[0] as { host: string; port: number; path: string }
    const name = `${scheme}://${host}:${port}${scheme.startsWith('ws') ? rest : ''}`
    expect(counters.listeners).toEqual({ [name]: { open: 1, total: 1, refused: 0 } })
    await device.endAsync()
    await expect.poll(() => counters.listeners[name]?.open).toBe(0)
  },
)

test.each(['mqtt', 'wss'] as const)(
  'listener takes no more connections than its own limit when it is %s',
  async (scheme) => {
    const { url } = await open(scheme, { connectionsMax: { [scheme]: 2 } })
    const [first] = [await client(url), await client(url)]
    await expect(client(url)).rejects.toThrow()
    expect(counters.refused).toEqual({ too_many_connections: 1 })
    await first?.endAsync()
    await expect.poll(() => counters.connectionsOpen).toBe(1)
    await client(url)
  },
)

test('listeners of every kind stand beside one another', async () => {
  const listen = (['mqtt', 'mqtts', 'ws', 'wss'] as const).map((scheme) => ({ scheme, host: '127.0.0.1', port: 0 }))
  const { broker, topics } = await open('mqtt', { listen })
  for (const { scheme, port, path: at } of broker.addresses) {
    const device = await client(`${scheme}://127.0.0.1:${port}${scheme.startsWith('ws') ? at : ''}`)
    await device.publishAsync(scheme, '1', { qos: 1 })
  }
  expect(topics).toEqual(['mqtt', 'mqtts', 'ws', 'wss'])
  expect(Object.values(counters.listeners).map((it) => it.open)).toEqual([1, 1, 1, 1])
})

test('listener speaks no TLS before 1.2', async () => {
  const { port } = await open('mqtts')
  const options = { host: '127.0.0.1', port, ca: execFileSync('cat', [path('ca.crt')]) }
  const old = connectTls({ ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  const [error] = await once(old, 'error')
  expect((error as Error).message).toMatch(/version|alert/i)
  const current = connectTls(options)
  await once(current, 'secureConnect')
  expect(current.getProtocol()).toBe('TLSv1.3')
  current.destroy()
  await expect.poll(() => counters.refused.tls_failed).toBe(1)
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'session is resumed over a change of the certificate with %s',
  async (version) => {
    const { broker, port } = await open('mqtts')
    const handshake = async (session?: Buffer): Promise<{ isReused: boolean; session: Buffer }> => {
      const options = { host: '127.0.0.1', port, ca: execFileSync('cat', [path('ca.crt')]), maxVersion: version }
      const socket = connectTls({ ...options, ...(session && { session }) })
      socket.on('error', () => {})
      const ticket = once(socket, 'session')
      await once(socket, 'secureConnect')
      const [given] = session === undefined ? await ticket : [session]
      const isReused = socket.isSessionReused()
      socket.destroy()
      return { isReused, session: given as Buffer }
    }
    const first = await handshake()
    expect(first.isReused).toBe(false)
    copyFileSync(path('second.crt'), path('server.crt'))
    copyFileSync(path('second.key'), path('server.key'))
    broker.reloadCertificate('test')
    expect((await handshake(first.session)).isReused).toBe(true)
  },
)

test('certificate is changed under a connection that stands, and a pair that does not fit changes nothing', async () => {
  const { broker, url, port, topics } = await open('mqtts')
  const shown = async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: execFileSync('cat', [path('ca.crt')]) })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return subject.CN
  }
  const device = await client(url)
  expect(await shown()).toBe('first')
  copyFileSync(path('second.crt'), path('server.crt'))
  broker.reloadCertificate('half changed')
  expect(await shown()).toBe('first')
  expect(lines.at(-1)).toContain(
    `broker.tls.key ${path('server.key')}: does not belong to the certificate ${path('server.crt')}; the certificate from before stays in use`,
  )
  rmSync(path('server.key'))
  broker.reloadCertificate('removed')
  expect(lines.at(-1)).toContain('server.key: cannot be read (ENOENT)')
  copyFileSync(path('second.key'), path('server.key'))
  broker.reloadCertificate('changed')
  expect(await shown()).toBe('second')
  await device.publishAsync('still/there', '1', { qos: 1 })
  expect(topics).toEqual(['still/there'])
  expect(counters.certificateReloads).toEqual({ done: 1, failed: 2 })
})

test('broker does not start when the files of its certificate do not fit', async () => {
  copyFileSync(path('second.key'), path('server.key'))
  await expect(open('mqtts')).rejects.toThrow(/broker\.tls\.key .*server\.key: does not belong to the certificate/)
  writeFileSync(path('server.crt'), 'nonsense')
  await expect(open('wss')).rejects.toThrow(/broker\.tls\.cert .*: is no usable PEM file/)
})

test.each([
  ['required', 'gauge-7', true],
  ['required', null, false],
  ['required', 'intruder', false],
  ['optional', 'gauge-7', true],
  ['optional', null, true],
  ['optional', 'intruder', false],
  ['none', 'intruder', true],
] as const)(
  'where client certificates are %s, who shows %s is admitted: %s',
  async (clientCertificates, name, isAdmitted) => {
    for (const scheme of ['mqtts', 'wss'] as const) {
      const { url } = await open(scheme, { tls: tls({ clientCertificates, ca: path('ca.crt') }) })
      const connecting = client(url, name === null ? {} : shows(name))
      if (isAdmitted) await connecting
      else await expect(connecting).rejects.toThrow()
    }
    expect(counters.refused).toEqual(isAdmitted ? {} : { tls_failed: 2 })
  },
)

test('shownCertificate gives what the authority vouches for, and nothing else', async () => {
  const given: string[] = []
  const connected = (transport: Transport) => {
    given.push(String(shownCertificate(socketOf(transport))?.commonName))
    transport.destroy()
  }
  const listen = (['mqtt', 'mqtts', 'wss'] as const).map((scheme) => ({ scheme, host: '127.0.0.1', port: 0 }))
  const files = tls({ clientCertificates: 'optional', ca: path('ca.crt') })
  const listeners = await openListeners({ listen, tls: files, connected, counters, log: log() })
  closers.push(listeners.stop, listeners.destroy)
  for (const { scheme, port } of listeners.addresses) {
    const url = `${scheme}://127.0.0.1:${port}${scheme === 'wss' ? '/mqtt' : ''}`
    await expect(client(url)).rejects.toThrow()
    await expect(client(url, shows('gauge-7'))).rejects.toThrow()
  }
  expect(given).toEqual(['undefined', 'undefined', 'undefined', 'gauge-7', 'undefined', 'gauge-7'])
})

/** The status of the answer, 101 when the upgrade is granted. */
function upgrade(port: number, headers: Record<string, string>, at = '/mqtt', protocol = 'mqtt'): Promise<number> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}${at}`, protocol === '' ? [] : [protocol], { headers })
    closers.push(() => webSocket.terminate())
    webSocket.once('open', () => resolve(101))
    webSocket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode))
    webSocket.once('error', reject)
  })
}

test('WebSocket is granted to programs, pages of the same host and listed origins only', async () => {
  const { port } = await open('ws', { origins: ['https://page.example'] })
  expect(await upgrade(port, {})).toBe(101)
  expect(await upgrade(port, { origin: `http://127.0.0.1:${port}` })).toBe(101)
  expect(await upgrade(port, { origin: 'https://page.example' })).toBe(101)
  expect(await upgrade(port, { origin: 'https://evil.example' })).toBe(403)
  expect(await upgrade(port, { origin: 'null' })).toBe(403)
  // A name of theirs that leads here.
  expect(await upgrade(port, { host: 'evil.example', origin: 'http://evil.example' })).toBe(421)
  expect(await upgrade(port, {}, '/other')).toBe(404)
  expect(await upgrade(port, {}, '/mqtt?x=1')).toBe(101)
  expect(await upgrade(port, {}, '/mqtt', '')).toBe(400)
  expect(await upgrade(port, {}, '/mqtt', 'mqttv3.1')).toBe(400)
  expect(counters.refused).toEqual({ upgrade_refused: 6 })
})

test('listener of WebSockets answers 426 when it is asked for a page', async () => {
  const { port } = await open('ws')
  const [answer] = await once(get({ host: '127.0.0.1', port, path: '/mqtt' }), 'response')
  answer.resume()
  expect(answer.statusCode).toBe(426)
})

const connectPacket = (id: string) =>
  Buffer.concat([
    Buffer.from([0x10, 12 + id.length, 0, 4]),
    Buffer.from('MQTT'),
    Buffer.from([4, 2, 0, 60, 0, id.length]),
    Buffer.from(id),
  ])

async function socketTo(port: number): Promise<{ webSocket: WebSocket; closed: Promise<number>; received: Buffer[] }> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt')
  closers.push(() => webSocket.terminate())
  const received: Buffer[] = []
  webSocket.on('message', (bytes: Buffer) => received.push(bytes))
  webSocket.on('error', () => {})
  const closed = new Promise<number>((resolve) => webSocket.once('close', resolve))
  await once(webSocket, 'open')
  return { webSocket, closed, received }
}

test('WebSocket is closed when a text frame comes [MQTT-6.0.0-1]', async () => {
  const { port } = await open('ws')
  const { webSocket, closed } = await socketTo(port)
  webSocket.send('text')
  await closed
})

test('WebSocket takes packets that are split over frames, or share one [MQTT-6.0.0-2]', async () => {
  const { port, topics } = await open('ws')
  const { webSocket, received } = await socketTo(port)
  for (const byte of connectPacket('split')) webSocket.send(Buffer.from([byte]))
  await expect.poll(() => Buffer.concat(received)).toEqual(Buffer.from([0x20, 2, 0, 0]))
  const publish = (id: number) => Buffer.from([0x32, 6, 0, 1, 0x61, 0, id, 0x31])
  webSocket.send(Buffer.concat([publish(1), publish(2), publish(3).subarray(0, 3)]))
  webSocket.send(publish(3).subarray(3))
  const acks = Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3])
  await expect.poll(() => Buffer.concat(received).subarray(4)).toEqual(acks)
  expect(topics).toEqual(['a', 'a', 'a'])
})

test('WebSocket is closed when a frame is longer than its limit, which grows once CONNECT is granted', async () => {
  const { port } = await open('ws')
  const before = await socketTo(port)
  before.webSocket.send(Buffer.alloc(limits.packetBytesMaxBeforeConnect + 1))
  // 1009: too big [RFC 6455 §7.4.1].
  expect(await before.closed).toBe(1009)
  const after = await socketTo(port)
  after.webSocket.send(connectPacket('big'))
  await expect.poll(() => after.received).toHaveLength(1)
  const bytes = limits.packetBytesMax - 7
  const length = bytes + 3
  const head = Buffer.from([0x30, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14, 0, 1, 0x61])
  after.webSocket.send(Buffer.concat([head, Buffer.alloc(bytes)]))
  after.webSocket.send(Buffer.from([0xc0, 0]))
  await expect.poll(() => after.received).toHaveLength(2)
  after.webSocket.send(Buffer.alloc(limits.webSocketFrameBytesMax + 1))
  expect(await after.closed).toBe(1009)
  expect(counters.refused).toEqual({ packet_too_large: 2 })
})

test('answer to a refused CONNECT arrives over every transport', async () => {
  for (const scheme of ['mqtt', 'mqtts', 'ws', 'wss'] as const) {
    const { url } = await open(scheme, { credentials: { username: 'u', password: 'p' } })
    await expect(client(url)).rejects.toThrow(/bad username or password/i)
  }
})

test('broker closes at once when connections stand in the middle of a handshake', async () => {
  for (const scheme of ['mqtts', 'ws', 'wss'] as const) {
    const { broker, port } = await open(scheme)
    const socket = createConnection({ host: '127.0.0.1', port })
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\n')
    const closed = once(socket, 'close')
    socket.on('error', () => {})
    await sleep(50)
    await broker.close()
    await closed
  }
})
