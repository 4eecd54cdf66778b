/** `dewpoint start`: what it says when it cannot start, how it ends, and what the next start finds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { startDewpoint } from '../servers/dewpoint.ts'
import { freePort } from '../servers/tools.ts'
import { connect, type Ended, patient, readings, repository, run } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = join(repository, 'dist', 'cli.js')
const start = (...args: string[]): Promise<Ended> =>
  run(process.execPath, ['--enable-source-maps', program, 'start', ...args], {
    cwd: folder,
    env: { LOG_LEVEL: 'error' },
    withinMs: 20_000,
  })

let files = 0
function config(text: string): string {
  const path = join(folder, `${++files}.yaml`)
  writeFileSync(path, text)
  return path
}
const listening = (mqtt: number, http: number) =>
  `broker: { listen: ["mqtt://127.0.0.1:${mqtt}"] }\nhttp: { listen: "127.0.0.1:${http}" }\n`
const anywhere = ['--no-demo', '--data', join(folder, 'data')]

/** One line for each problem, nothing else, and no word on standard output that it runs. */
function expectProblems({ status, stdout, stderr }: Ended, ...problems: Array<string | RegExp>): void {
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  expect(lines).toHaveLength(problems.length)
  for (const [i, problem] of problems.entries()) {
    expect(lines[i]).toMatch(/^dewpoint: /)
    expect(lines[i]).toMatch(problem)
  }
}

describe('command', () => {
  test.each(['MQTT', 'HTTP'])('ends with 2 and names the address when the %s port is taken', async (which) => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const free = await freePort()
    const path = config(which === 'MQTT' ? listening(port, free) : listening(free, port))
    const ended = await start('--config', path, ...anywhere)
    taken.close()
    const address = which === 'MQTT' ? `broker.listen mqtt://127.0.0.1:${port}` : `http.listen 127.0.0.1:${port}`
    expectProblems(ended, `${address}: the port is taken`)
  })

  test('ends with 2 when the data folder lies under a file', async () => {
    const file = config('')
    const path = config(listening(await freePort(), await freePort()))
    const ended = await start('--config', path, '--no-demo', '--data', join(file, 'deep', 'data'))
    expectProblems(ended, /data .*deep\/data: cannot be written: /)
  })

  test('ends with 2 when another Dewpoint works in the data folder', async () => {
    const server = await startDewpoint()
    const path = config(listening(await freePort(), await freePort()))
    const ended = await start('--config', path, '--no-demo', '--data', server.data)
    expectProblems(ended, `used by another Dewpoint`)
    expect((await server.get<{ status: string }>('/healthz')).status).toBe('ok')
    await server.close()
  })

  test.each([[['--port', '1']], [['--demo=maybe']], [['surplus']], [['--config']]])(
    'ends with 2 and points to --help when the options are %j',
    async (args) => {
      expectProblems(await start(...args), /--help/)
    },
  )

  test('ends with 2 when the file that --config names is missing', async () => {
    expectProblems(await start('--config', join(folder, 'missing.yaml'), ...anywhere), /missing\.yaml/)
  })

  test('ends with 2 when the file is no YAML', async () => {
    expectProblems(await start('--config', config('broker: [\n'), ...anywhere), /\.yaml:\d/)
  })

  test('ends with 2 and tells every problem with its line when the file has several', async () => {
    const path = config(`broker:
  listen: [mqtt://0.0.0.0:1883]
http:
  listen: nowhere
store:
  type: postgres
journal:
  bytesMax: 1MiB
colour: blue
`)
    expectProblems(
      await start('--config', path, ...anywhere),
      /yaml:2 broker\.listen\[0\]: .*beyond loopback/,
      /yaml:4 http\.listen: /,
      /yaml:6 store\.type: /,
      /yaml:8 journal\.bytesMax: /,
      /yaml:9 colour: /,
    )
  })

  test('ends with 2 and shows no token when a variable of the file is not set', async () => {
    const path = config(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file names a variable of the environment.
      'store: { type: influxdb, url: "http://127.0.0.1:1", org: a, bucket: b, token: "${NOT_SET}" }\n',
    )
    expectProblems(await start('--config', path, ...anywhere), /store\.token: .*NOT_SET/)
  })

  test('prints its options and ends with 0 when it is asked for help', async () => {
    const { status, stdout, stderr } = await start('--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const option of ['--config', '--data', '--no-demo', '--help']) expect(stdout).toContain(option)
  })
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'command ends with 0 and tells the balance when it gets %s',
  async (signal) => {
    const [mqtt, http] = [await freePort(), await freePort()]
    const data = join(folder, `ended-${signal}`)
    const args = [program, 'start', '--config', config(listening(mqtt, http)), '--no-demo', '--data', data]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let stdout = ''
    child.stdout.on('data', (bytes) => {
      stdout += bytes
    })
    try {
      await vi.waitFor(() => expect(stdout).toContain('Dewpoint is up.'), patient)
      const client = await connect(`mqtt://127.0.0.1:${mqtt}`)
      client.on('error', () => {})
      await client.publishAsync('sensors/a/b/rainfall', '0.2', { qos: 1 })
      const ended = once(child, 'close')
      child.kill(signal)
      expect(await ended).toEqual([0, null])
      client.end(true)
      expect(stdout).toContain('Stopped: 1 accepted = 1 stored + 0 quarantined + 0 duplicate + 0 held')
      expect(existsSync(join(data, 'dewpoint.pid'))).toBe(false)
    } finally {
      child.kill('SIGKILL')
    }
  },
)

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  'everything is found again when the server was ended by %s',
  async (signal) => {
    const server = await startDewpoint()
    try {
      const client = await connect(server.mqttUrl)
      client.on('error', () => {})
      const sent = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ v: i, t: 1_700_000_000_000 + i, seq: i }))
      await Promise.all(sent.map((payload) => client.publishAsync('sensors/a/kept/voltage', payload, { qos: 1 })))
      await client.publishAsync('sensors/a/kept/voltage', 'flat', { qos: 1 })
      // Right behind the last acknowledgement: what is not stored yet must be found all the same.
      await server.stop(signal)
      client.end(true)
      await server.restart()
      const { accepted, stored, quarantined } = await server.drained()
      expect({ accepted, stored, quarantined }).toEqual({ accepted: 2_001, stored: 2_000, quarantined: 1 })
      const found = await readings(server, 'kept', 'voltage')
      expect(found.map((it) => it.value)).toEqual(sent.map((_, i) => i))
      expect(await server.get('/api/quarantine')).toHaveLength(1)
    } finally {
      await server.close()
    }
  },
)
