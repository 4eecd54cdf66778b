/** TLS and WebSockets as people's clients speak them, against the compiled program; a certificate that changes on disk. */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { metric, patient, run, storedValues } from '../flow/helpers.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { commandPath, freePort, needs } from '../servers/tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-listeners-'))
const path = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
let server: DewpointServer
let ports: { mqtts: number; ws: number; wss: number }

function certify(name: string): void {
  openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(path('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san.cnf']
  openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`)
}
beforeAll(async () => {
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=ca')
  for (const name of ['first', 'second', 'gauge']) certify(name)
  copyFileSync(path('first.crt'), path('server.crt'))
  copyFileSync(path('first.key'), path('server.key'))
  ports = { mqtts: await freePort(), ws: await freePort(), wss: await freePort() }
  server = await startDewpoint({
    listen: [
      `mqtts://127.0.0.1:${ports.mqtts}`,
      `ws://127.0.0.1:${ports.ws}/mqtt`,
      `wss://127.0.0.1:${ports.wss}/mqtt`,
    ],
    broker: `  tls: { cert: ${path('server.crt')}, key: ${path('server.key')}, ca: ${path('ca.crt')}, clientCertificates: optional }\n`,
  })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(needs({ mosquittoClients: true }) !== null)('mosquitto', () => {
  const publish = (name: string, ...args: string[]) => {
    const at = [
      '-h',
      '127.0.0.1',
      '-p',
      String(ports.mqtts),
      '-q',
      '1',
      '-t',
      `sensors/tls/${name}/rainfall`,
      '-m',
      '0.2',
    ]
    return run(commandPath('mosquitto_pub') as string, [...at, ...args])
  }

  test('mosquitto_pub is stored when it trusts the authority of the certificate', async () => {
    expect(await publish('plain', '--cafile', path('ca.crt'))).toMatchObject({ status: 0 })
    await vi.waitFor(async () => expect(await storedValues(server, 'plain')).toEqual([0.2]), patient)
  })

  test('mosquitto_pub is stored when it shows a certificate of the right authority, and refused with another one', async () => {
    const shown = ['--cafile', path('ca.crt'), '--cert', path('gauge.crt'), '--key', path('gauge.key')]
    expect(await publish('shown', ...shown)).toMatchObject({ status: 0 })
    await vi.waitFor(async () => expect(await storedValues(server, 'shown')).toEqual([0.2]), patient)
    openssl('req', '-x509', ...key, '-keyout', 'self.key', '-out', 'self.crt', '-subj', '/CN=gauge')
    const forged = ['--cafile', path('ca.crt'), '--cert', path('self.crt'), '--key', path('self.key')]
    expect((await publish('forged', ...forged)).status).not.toBe(0)
    // A worker tells what it has counted once a second.
    const failed = () => metric(server, 'dewpoint_broker_refused_total{code="tls_failed"}')
    await vi.waitFor(async () => expect(await failed()).toBeGreaterThan(0), patient)
  })

  test('mosquitto_pub refuses the broker when it trusts somebody else', async () => {
    openssl('req', '-x509', ...key, '-keyout', 'other.key', '-out', 'other.crt', '-subj', '/CN=other')
    expect((await publish('other', '--cafile', path('other.crt'))).status).not.toBe(0)
  })
})

test.each(['ws', 'wss'] as const)(
  'MQTT.js is stored and hears what others publish when it comes by %s',
  async (scheme) => {
    const ca = execFileSync('cat', [path('ca.crt')])
    const client = await connectAsync(`${scheme}://127.0.0.1:${ports[scheme]}/mqtt`, { ca, reconnectPeriod: 0 }, false)
    const heard: string[] = []
    client.on('message', (_topic, payload) => heard.push(payload.toString()))
    await client.subscribeAsync(`sensors/web/${scheme}/+`, { qos: 1 })
    const values = Array.from({ length: 200 }, (_, i) => i / 4)
    await Promise.all(values.map((it) => client.publishAsync(`sensors/web/${scheme}/pulse`, String(it), { qos: 1 })))
    await vi.waitFor(() => expect(heard).toEqual(values.map(String)), patient)
    await client.endAsync()
    await vi.waitFor(async () => expect(await storedValues(server, scheme, 'pulse')).toEqual(values), patient)
  },
)

/** What s_client prints about a handshake; the session is kept in the file, or taken from it. */
async function handshake(session: '-sess_out' | '-sess_in', version: string): Promise<string> {
  const args = [
    's_client',
    '-connect',
    `127.0.0.1:${ports.mqtts}`,
    version,
    '-CAfile',
    path('ca.crt'),
    session,
    path('session'),
  ]
  const child = spawn('openssl', args)
  let text = ''
  child.stdout.on('data', (bytes) => {
    text += bytes
  })
  // A ticket of TLS 1.3 comes behind the handshake, and s_client notes it when something else comes: the answer to a CONNECT.
  const connect = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x73])
  await vi.waitFor(() => expect(text).toMatch(/Verify return code/), patient)
  child.stdin.write(connect)
  await vi.waitFor(() => expect(text).toContain('\x20\x02\x00\x00'), patient)
  child.stdin.end()
  child.kill()
  return text
}

test.each(['-tls1_2', '-tls1_3'])('openssl s_client resumes its session with %s', async (version) => {
  expect(await handshake('-sess_out', version)).toMatch(/^New, TLSv1/m)
  expect(await handshake('-sess_in', version)).toMatch(/^Reused, TLSv1/m)
})

test('certificate is changed by its files, or by SIGHUP, while connections stand', async () => {
  const shown = () => {
    const text = execFileSync('openssl', ['s_client', '-connect', `127.0.0.1:${ports.mqtts}`], {
      input: '',
      stdio: 'pipe',
    })
    return /subject=.*CN = (\w+)/.exec(text.toString())?.[1]
  }
  const ca = execFileSync('cat', [path('ca.crt')])
  const client = await connectAsync(`mqtts://127.0.0.1:${ports.mqtts}`, { ca, reconnectPeriod: 0 }, false)
  expect(shown()).toBe('first')
  copyFileSync(path('second.crt'), path('server.crt'))
  await vi.waitFor(() => expect(server.log()).toContain('the certificate from before stays in use'), patient)
  expect(shown()).toBe('first')
  copyFileSync(path('second.key'), path('server.key'))
  await vi.waitFor(() => expect(shown()).toBe('second'), patient)
  const before = await metric(server, 'dewpoint_broker_certificate_reloads_total{code="done"}')
  process.kill(server.pid, 'SIGHUP')
  const done = () => metric(server, 'dewpoint_broker_certificate_reloads_total{code="done"}')
  await vi.waitFor(async () => expect(await done()).toBeGreaterThan(before), patient)
  await client.publishAsync('sensors/tls/standing/rainfall', '0.4', { qos: 1 })
  expect(await storedValues(server, 'standing')).toEqual([0.4])
  await client.endAsync()
})
