import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../config/load.ts'
import { createRoute } from '../telemetry/route.ts'
import { outputOf } from '../test/output.ts'
import { checkRoutes, report, run } from './check-config.ts'
import type { RoutesFile } from './routes-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-check-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function config(text: string): string {
  const path = join(folder, `${++files}.yaml`)
  writeFileSync(path, text)
  return path
}

const twoRoutes = `routes:
  - topic: a/{device}
    measurement: voltage
  - topic: b/{device}
    measurement: rainfall
`

test('check-config lists each route with its line and ends with 0 when everything holds', async () => {
  const path = config(twoRoutes)
  expect(await outputOf(run, '--config', path)).toEqual({
    status: 0,
    stdout: `routes[0] a/{device}, ${path}:2: no examples
routes[1] b/{device}, ${path}:4: no examples
2 routes, 0 examples, everything holds
`,
    stderr: '',
  })
})

test('check-config gives the same as one JSON document when it is asked for JSON', async () => {
  const path = config(twoRoutes)
  const { status, stdout } = await outputOf(run, '--config', path, '--json')
  expect(status).toBe(0)
  const route = { codec: 'value', examples: 0, failed: [] }
  expect(JSON.parse(stdout)).toEqual({
    ...{ file: path, ok: true, problems: [] },
    routes: [
      { topic: 'a/{device}', measurement: 'voltage', line: 2, ...route },
      { topic: 'b/{device}', measurement: 'rainfall', line: 4, ...route },
    ],
  })
})

test('check-config says that routes are the defaults when the file has none', async () => {
  const { stdout } = await outputOf(run, '--config', config('data: ./data\n'))
  expect(stdout).toContain('routes[0] sensors/{site}/{device}/rainfall, by default: no examples\n')
})

test('check-config ends with 2 and tells every problem with its line when the file does not hold', async () => {
  const path = config('colour: blue\nroutes: 7\n')
  const { status, stdout, stderr } = await outputOf(run, '--config', path)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^[^\n]*yaml:1 colour: [^\n]*\n[^\n]*yaml:2 routes: [^\n]*\n$/)
  const json = await outputOf(run, '--config', path, '--json')
  expect(json).toMatchObject({ status: 2, stderr: '' })
  expect(JSON.parse(json.stdout)).toEqual({ file: path, ok: false, problems: stderr.trim().split('\n'), routes: [] })
})

test('check-config ends with 2 when the file is missing or an option is unknown', async () => {
  expect((await outputOf(run, '--config', join(folder, 'missing.yaml'))).stderr).toMatch(/missing\.yaml/)
  expect(await outputOf(run, '--colour')).toMatchObject({ status: 2, stdout: '' })
})

test('check-config runs the examples that stand in the file', async () => {
  const path = config(`routes:
  - topic: a/{device}/{kind:up|down}
    measurement: weather
    payload: { codec: json, values: [temp, hum] }
    fields:
      - { channel: temp, unit: Cel, range: [-40, 60] }
      - { channel: hum, type: integer }
    examples:
      - topic: a/d/up
        payload: '{"temp": 21.5, "hum": 40, "t": 1700000000}'
        expect: ['weather,kind=up,device=d temp=21.5,hum=40i 1700000000000']
      - { topic: a/d/up, payload: '{"temp": 99}', expect: out_of_range }
      - { topic: a/d/down, hex: 7b, expect: bad_payload }
      - { topic: a/d/down, payload: '{"temp": 1}', expect: ['weather,device=d,kind=down temp=2'] }
`)
  const { status, stdout } = await outputOf(run, '--config', path, '--json')
  expect(status).toBe(2)
  const { routes } = JSON.parse(stdout)
  expect(routes[0]).toMatchObject({ topic: 'a/{device}/{kind:up|down}', codec: 'json', line: 2, examples: 4 })
  expect(routes[0].failed).toEqual([
    {
      ...{ example: 3, topic: 'a/d/down', payload: '{"temp": 1}' },
      missing: ['weather,device=d,kind=down temp=2'],
      surplus: [expect.stringMatching(/^weather,device=d,kind=down temp=1 \d{13}$/)],
    },
  ])
})

test('check-config shows expected and got line for line when examples fail', () => {
  const examples = [
    { topic: 'a/d', payload: Buffer.from('1'), expect: ['voltage,device=d value=1'] },
    { topic: 'a/d', payload: Buffer.from('flat'), expect: ['voltage,device=d value=2'] },
    { topic: 'a/d', payload: Buffer.from('{"v":3,"t":1700000000000}'), expect: ['voltage,device=d value=4'] },
  ]
  const routes = [createRoute({ topic: 'a/{device}', measurement: 'voltage', examples })]
  const file: RoutesFile = {
    config: { ...loadConfig(null, 'x.yaml', {}), routes },
    fileName: 'x.yaml',
    describe: () => 'routes[0] a/{device}, x.yaml:7',
    lineOf: () => 7,
  }
  expect(report(checkRoutes(file), file)).toBe(`routes[0] a/{device}, x.yaml:7: 1 of 3 examples hold
  examples[1] a/d flat
    - voltage,device=d value=2
    + quarantined, bad_value: "flat" given, a number like 1.2 or JSON like {"v":1.2} wanted
  examples[2] a/d {"v":3,"t":1700000000000}
    - voltage,device=d value=4
    + voltage,device=d value=3 1700000000000
1 routes, 3 examples, 2 failed
`)
})
