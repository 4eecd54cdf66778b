/** `dewpoint simulate` with its parts, as a user calls them: the compiled program against a real server. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'

const program = resolve(import.meta.dirname, '..', '..', 'dist', 'cli.js')
let folder: string
let server: DewpointServer | null = null
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-simulate-'))
})
afterEach(async () => {
  await server?.close()
  server = null
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Ended = { code: number; stdout: string; stderr: string }
const simulate = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, 'simulate', ...args], { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })

test('simulate run takes a scenario through virtual time, verifies it, and leaves a folder that can be started', async () => {
  const [data, report] = [join(folder, 'virtual'), join(folder, 'report.html')]
  const args = [
    'run',
    'gateway-outage',
    '--virtual',
    data,
    '--duration',
    '40min',
    '--seed',
    '6',
    '--report',
    report,
    '--json',
  ]
  const { code, stdout } = await simulate(...args)
  const { devices, acknowledged, waiting, balance, result } = JSON.parse(stdout)
  expect({ code, devices, waiting }).toEqual({ code: 0, devices: 120, waiting: 0 })
  expect(acknowledged).toBeGreaterThan(1000)
  expect(balance.held).toBe(0)
  expect(Object.values(result.faults).every((count) => count === 0)).toBe(true)
  expect(readFileSync(report, 'utf8')).toContain('<svg')
  expect(existsSync(join(data, 'truth.jsonl'))).toBe(true)
  server = await startDewpoint({ data })
  expect(await server.counters()).toMatchObject({ stored: balance.stored, held: 0 })
  const again = await simulate('run', 'demo', '--virtual', data, '--duration', '1min')
  expect(again.code).toBe(2)
})

test('simulate run against a server with the routes of the scenario is what simulate verify finds in it', async () => {
  const routes = await simulate('routes', 'mixed')
  expect(routes.code).toBe(0)
  server = await startDewpoint({ config: routes.stdout })
  const truth = join(folder, 'truth.jsonl')
  const run = await simulate('run', 'mixed', '--url', server.mqttUrl, '--duration', '8s', '--truth', truth, '--json')
  const { devices, sent, acknowledged, dropped } = JSON.parse(run.stdout)
  expect({ code: run.code, devices, dropped }).toEqual({ code: 0, devices: 56, dropped: 0 })
  expect(acknowledged).toBe(sent)
  const verified = await simulate('verify', truth, '--url', server.httpUrl)
  expect(verified.stdout).toContain('all right: nothing lost, doubled, invented or altered')
  expect(verified.code).toBe(0)
})

test('simulate run on shared connections delivers the same', async () => {
  const routes = await simulate('routes', 'storm')
  server = await startDewpoint({ config: routes.stdout })
  const truth = join(folder, 'shared.jsonl')
  const args = ['--url', server.mqttUrl, '--connections', '5', '--duration', '5s', '--truth', truth]
  expect((await simulate('run', 'storm', ...args)).code).toBe(0)
  expect((await simulate('verify', truth, '--url', server.httpUrl)).code).toBe(0)
})

test('simulate load tells what a broker takes, and what it costs', async () => {
  server = await startDewpoint()
  const args = ['--url', server.mqttUrl, '--connections', '4', '--duration', '1s', '--warm-up', '200ms']
  const { code, stdout } = await simulate('load', ...args, '--watch', String(server.pid), '--processes', '2', '--json')
  const { sent, unacknowledged, latencyMs, ownCpuUs, watched } = JSON.parse(stdout)
  expect({ code, unacknowledged }).toEqual({ code: 0, unacknowledged: 0 })
  expect(sent).toBeGreaterThan(100)
  expect(latencyMs.p50).toBeLessThanOrEqual(latencyMs.p999)
  expect(ownCpuUs).toBeGreaterThan(0)
  expect(watched).toMatchObject([{ pid: server.pid, cpuUs: expect.any(Number) }])
  const { stored } = await server.drained()
  expect(stored).toBeGreaterThanOrEqual(sent)
  // Each client is a device of its own, whichever process it is in.
  const devices = await server.get<Array<{ device: string }>>('/api/devices')
  expect(devices.map(({ device }) => device).toSorted()).toEqual(['d0', 'd1', 'd2', 'd3'])
})

test('simulate tells what is wrong with what it was given, and exits with 2', async () => {
  writeFileSync(
    join(folder, 'bad.yaml'),
    'description: x\nduration: 1h\nprofiles:\n  - { name: a, site: s, sensors: [votlage] }\n',
  )
  const cases: Array<[args: string[], complaint: string]> = [
    [['runn'], '"runn" is no part of simulate; did you mean "run"?'],
    [['run', 'rain-netwrk'], 'did you mean "rain-network"?'],
    [['run', './bad.yaml'], 'bad.yaml:4'],
    [['run', 'demo', '--virtual', 'x', '--url', 'mqtt://127.0.0.1:1'], '--url: given with --virtual'],
    [['run', 'demo', '--virtual', 'x', '--duration', 'long'], '--duration: "long" given'],
    [['load', '--url', 'mqtt://192.0.2.1:1883'], 'wants --remote'],
    [['load', '--watch', 'nobody-is-called-so'], '--watch: "nobody-is-called-so" given'],
    [['proxy', '--loss', '2'], '--loss: "2" given, a number from 0 to 0.5 wanted'],
    [['proxy', '--listen', 'nowhere'], '--listen: "nowhere" given'],
  ]
  for (const [args, complaint] of cases) {
    const { code, stderr } = await simulate(...args)
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(stderr).toContain(complaint)
  }
})

test('simulate proxy carries a load, and ends by itself', async () => {
  server = await startDewpoint()
  const port = server.mqttPort + 1
  const listen = `127.0.0.1:${port}`
  const target = `127.0.0.1:${server.mqttPort}`
  const proxy = simulate('proxy', '--listen', listen, '--target', target, '--latency', '5ms', '--duration', '6s')
  let load: Ended
  do
    load = await simulate(
      'load',
      '--url',
      `mqtt://${listen}`,
      '--connections',
      '2',
      '--duration',
      '1s',
      '--warm-up',
      '100ms',
      '--json',
    )
  while (load.code !== 0 && load.stderr.includes('ECONNREFUSED'))
  expect(JSON.parse(load.stdout).latencyMs.p50).toBeGreaterThanOrEqual(9)
  const { code, stderr } = await proxy
  expect(code).toBe(0)
  expect(stderr).toMatch(/0 connections of [1-9]\d*, [1-9]\d* bytes up/)
})
