import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { exportText } from '../telemetry/export/text.ts'
import { createSeries } from '../telemetry/point.ts'
import type { StoredPoint } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
import { run } from './alerts-backtest.ts'

const hour = 3_600_000
const now = Date.now()
let server: Server
let folder: string
let stored: StoredPoint[][]
let out = ''

const point = (device: string, measurement: string, field: string, atMs: number, value: Value): StoredPoint => ({
  series: createSeries(
    measurement,
    [
      ['site', 'a'],
      ['device', device],
    ],
    field,
  ),
  timeNs: BigInt(atMs) * 1_000_000n,
  value,
})

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backtest-'))
  server = createServer(async (_request, response) => {
    const pieces = (async function* () {
      yield* stored
    })()
    for await (const text of exportText(pieces, 'ndjson')) response.write(text)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  out = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  server.close()
  rmSync(folder, { recursive: true })
})

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

test('backtest tells how often the built-in rule would have fired, how soon, and for how long', async () => {
  const outage = (beganMs: number, lengthMs: number) => [
    point('1', 'device_state', 'online', beganMs, 0),
    point('1', 'device_state', 'online', beganMs + lengthMs, 1),
  ]
  stored = [[...outage(now - 9 * hour, hour), ...outage(now - 7 * hour, 2 * hour), ...outage(now - 3 * hour, 100)]]
  expect(await run(['backtest', '--url', url()])).toBe(0)
  const [head, ...times] = out.trimEnd().split('\n')
  expect(head).toBe('device-offline: would have fired 2 times; detected after 150 ms; longest 2 h')
  expect(times).toHaveLength(2)
  expect(times[0]).toContain(`${new Date(now - 9 * hour + 150).toISOString()}  1 h           a/1 is offline`)
})

test('backtest takes rules of a file, and puts series after series in order of time', async () => {
  const rules = `
alerts:
  rules:
    - { name: low, when: { channel: voltage, below: 3 }, for: 1h }
    - { name: holes, when: { completeness: 1h, below: 0.5 } }
    - { name: names, when: { state: late } }
`
  writeFileSync(join(folder, 'rules.yaml'), rules)
  stored = [
    [point('1', 'voltage', 'value', now - 5 * hour, 2.5), point('1', 'voltage', 'value', now - 2 * hour, 3.5)],
    [point('2', 'voltage', 'value', now - 4 * hour, 2.5), point('2', 'voltage', 'value', now - 3.5 * hour, 3.5)],
    [point('2', 'rain\u001b[2J', 'value', now - 4 * hour, 2.5)],
    [
      point('2', 'completeness', 'expected', now - 4 * hour, 10),
      point('2', 'completeness', 'received', now - 4 * hour, 4),
    ],
    [point('3', 'device_state', 'online', now - 4 * hour, 1)],
    [
      point('3', 'device_state', 'state', now - 4 * hour, 'late'),
      point('3', 'device_state', 'state', now - hour, 'online'),
    ],
  ]
  expect(await run(['backtest', '--url', url(), '--rules', join(folder, 'rules.yaml'), '--json'])).toBe(0)
  const { events, rules: results } = JSON.parse(out)
  expect(events).toBe(7)
  expect(results).toMatchObject([
    { rule: 'low', fired: [{ beganAtMs: now - 5 * hour, firedAtMs: now - 4 * hour, resolvedAtMs: now - 2 * hour }] },
    { rule: 'holes', fired: [{ firedAtMs: now - 3 * hour, resolvedAtMs: null, why: '4 of 10 reports came in 1h' }] },
    { rule: 'names', fired: [{ title: 'a/3 is late', resolvedAtMs: now - hour }], longestMs: 3 * hour },
  ])
})

test('backtest takes the rules that docs/alerts.md shows', async () => {
  const text = readFileSync(new URL('../docs/alerts.md', import.meta.url), 'utf8')
  const shown = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].find((found) => found[1]?.includes('name: low,'))?.[1]
  writeFileSync(join(folder, 'shown.yaml'), shown ?? '')
  stored = [[point('1', 'voltage', 'value', now - 5 * hour, 3.3), point('1', 'voltage', 'value', now - hour, 3.6)]]
  expect(await run(['backtest', '--url', url(), '--rules', join(folder, 'shown.yaml'), '--json'])).toBe(0)
  const firedAtMs = now - 5 * hour + 600_000
  expect(JSON.parse(out).rules).toMatchObject([{ rule: 'low', fired: [{ firedAtMs, resolvedAtMs: now - hour }] }])
})

test('backtest says in one line what is wrong with its options, and when nobody answers', async () => {
  writeFileSync(join(folder, 'rules.yaml'), 'alerts:\n  rules: [{ name: x, when: { state: wish } }]\n')
  await expect(run(['backtest', '--rules', join(folder, 'rules.yaml')])).rejects.toThrow(/rules\.yaml:2 .*wish/)
  await expect(run(['backtest', '--last', 'always'])).rejects.toThrow('--last: "always" given, a duration')
  await expect(run(['forecast'])).rejects.toThrow('"forecast" given, backtest wanted')
  const error = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  expect(await run(['backtest', '--url', 'http://127.0.0.1:1'])).toBe(1)
  expect(error.mock.calls.join('')).toMatch(/^dewpoint: http:\/\/127\.0\.0\.1:1: .+\n$/)
})
