/** The oracle against a server that runs: by its export, its quarantine and its counters, with exit codes for CI. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { run } from '../../commands/simulate-verify.ts'
import type { Result } from '../../devices-sim/oracle/result.ts'
import { openTruth } from '../../devices-sim/truth/writer.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'

const startedAtMs = Date.now()
let server: DewpointServer
let folder: string
let path: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simulate-verify-'))
  path = join(folder, 'truth.jsonl')
  server = await startDewpoint()
  await tellAndSend()
})
afterEach(() => {
  vi.restoreAllMocks()
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

/** Two devices with three readings each; the last one of the second cannot be read. */
async function tellAndSend(): Promise<void> {
  const truth = openTruth(path, { format: 'dewpoint-truth/1', seed: 1, scenario: 'flow', clock: 'real', startedAtMs })
  const quantities = [{ channel: 'rainfall', unit: 'mm', resolution: 0.2, kind: 'increment' as const }]
  for (const device of [0, 1]) {
    const name = { site: 'home', device: `gauge-${device}` }
    const about = { ...name, clientId: name.device, profile: 'rain', gateway: null, quantities }
    truth.write({ type: 'device', device, about })
    for (const nth of [0, 1, 2]) {
      const atMs = Date.now()
      const expected = device === 1 && nth === 2 ? 'quarantined' : 'stored'
      const takenAtMs = atMs - 60_000 * (3 - nth)
      const value = (nth + 1) / 5
      const time = { how: 'exact' as const, resolutionMs: 1 }
      const samples = [{ takenAtMs, values: [value] }]
      truth.write({ type: 'report', device, nth, atMs, boot: null, time, samples, expect: expected })
      truth.write({ type: 'sent', device, nth, atMs })
      const payload = JSON.stringify({ v: value, t: takenAtMs, seq: nth })
      const response = await fetch(`${server.httpUrl}/api/ingest`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([
          {
            topic: `sensors/home/${name.device}/rainfall`,
            payload: expected === 'stored' ? payload : payload.slice(0, -1),
          },
        ]),
      })
      expect(response.status).toBe(200)
      truth.write({ type: 'acknowledged', device, nth, atMs: Date.now() })
    }
  }
  truth.write({ type: 'end', atMs: Date.now() })
  await truth.close()
}

async function runVerify(...args: string[]): Promise<{ code: number; out: string; told: string }> {
  let [out, told] = ['', '']
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += String(text)
    return true
  })
  const code = await run([path, '--url', server.httpUrl, ...args])
  vi.restoreAllMocks()
  return { code, out, told }
}

test('verify ends with 0 and writes its report when all is right', async () => {
  const report = join(folder, 'report.html')
  // The times of the readings lie a little before the run.
  const { code, out, told } = await runVerify('--report', report, '--slack', '5m')
  expect(out).toContain('all right: nothing lost, doubled, invented or altered')
  expect(told).toContain('5 rows fetched')
  expect(code).toBe(0)
  expect(readFileSync(report, 'utf8')).toContain('<svg')
  const json = JSON.parse((await runVerify('--json', '--slack', '5m')).out) as Result
  expect(json).toMatchObject({ rows: 5, readings: 6, quarantine: { expected: 1, found: 1 }, hasEnded: true })
})

test('verify ends with 1 and names the reading when the store holds one that was never measured', async () => {
  const payload = { v: 9, t: startedAtMs - 30_000 }
  await fetch(`${server.httpUrl}/api/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ topic: 'sensors/home/gauge-1/rainfall', payload }]),
  })
  const { code, out } = await runVerify('--slack', '5m')
  expect(code).toBe(1)
  expect(out).toMatch(/invented: 1 .*\n.*home\/gauge-1 +rainfall +9 at /)
})

test('verify ends with 1 when nobody answers, and with 2 for what is no truth', async () => {
  const { code, told } = await runVerify('--url', 'http://127.0.0.1:9')
  expect(code).toBe(1)
  expect(told).toContain('http://127.0.0.1:9')
  await expect(run([join(folder, 'none'), '--url', server.httpUrl])).rejects.toThrow(/no such file/)
  await expect(run([import.meta.filename, '--url', server.httpUrl])).rejects.toThrow(/truth file, .* wanted/)
  await expect(run([])).rejects.toThrow(/0 files given, the truth of one run wanted/)
})
