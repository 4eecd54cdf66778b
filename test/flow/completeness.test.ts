/** The completeness ledger through the whole program: reports that came, came late, came again, and did not come. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { connect, patient } from './helpers.ts'

const counts = `
routes:
  - topic: field/{site}/{device}/json
    measurement: level
    payload: json
  - topic: steady/{site}/{device}/json
    measurement: level
    payload: json
    every: 1s
`

let server: DewpointServer
beforeEach(async () => {
  server = await startDewpoint({ config: counts })
})
afterEach(() => server.close())

type Hour = {
  faults: Record<string, number>
  hour: string
  expected: number
  received: number
  late: number
  duplicate: number
  missing: number
}
const completeness = (more: Record<string, string> = {}) =>
  server.get<Hour[]>(`/api/completeness?${new URLSearchParams({ device: 'd1', ...more })}`)

/** A report of each sequence number, a minute apart, the last of them a minute ago. */
async function send(sequences: number[], site = 's'): Promise<void> {
  const client = await connect(server.mqttUrl)
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 60 * 60_000
  for (const sequence of sequences) {
    const payload = JSON.stringify({ v: sequence, t: startMs + sequence * 60_000, seq: sequence, boot: 1 })
    await client.publishAsync(`field/${site}/d1/json`, payload, { qos: 1 })
  }
  await client.endAsync()
  await server.drained()
}

const sums = (hours: Hour[]) =>
  hours.reduce(
    (all, { expected, received, late, duplicate, missing }) => ({
      expected: all.expected + expected,
      received: all.received + received,
      late: all.late + late,
      duplicate: all.duplicate + duplicate,
      missing: all.missing + missing,
    }),
    { expected: 0, received: 0, late: 0, duplicate: 0, missing: 0 },
  )

test('completeness tells what is missing, and takes it back when it comes, also over a kill -9', async () => {
  await send([50, 51, 55, 55, 56])
  const first = await completeness()
  expect(sums(first)).toMatchObject({ expected: 7, received: 4, duplicate: 1, missing: 3 })
  for (const hour of first) expect(hour.expected).toBe(hour.received + hour.missing)
  await server.stop('SIGKILL')
  await server.restart()
  await server.drained()
  expect(sums(await completeness())).toMatchObject({ expected: 7, received: 4, duplicate: 1, missing: 3 })
  await send([53, 52, 57])
  const after = await completeness()
  expect(sums(after)).toMatchObject({ expected: 8, received: 7, duplicate: 1, missing: 1 })
  expect(sums(after).late).toBeGreaterThanOrEqual(2)
  for (const hour of after) expect(hour.expected).toBe(hour.received + hour.missing)
})

test('completeness keeps sites apart, and refuses what it cannot answer', async () => {
  await send([50, 51], 'a')
  await send([50, 53], 'b')
  expect(sums(await completeness({ site: 'a' }))).toMatchObject({ expected: 2, missing: 0 })
  expect(sums(await completeness({ site: 'b' }))).toMatchObject({ expected: 4, missing: 2 })
  expect(sums(await completeness())).toMatchObject({ expected: 6, missing: 2 })
  expect(await completeness({ device: 'nobody' })).toEqual([])
  expect(await completeness({ to: '2001-01-01T00:00:00Z' })).toEqual([])
  for (const query of ['', 'device=d1&from=yesterday', 'device=d1&until=now']) {
    expect((await fetch(`${server.httpUrl}/api/completeness?${query}`)).status).toBe(400)
  }
})

test('completeness expects reports without a sequence as often as their route says, and blames the network when the connection broke', async () => {
  const client = await connect(server.mqttUrl)
  await client.publishAsync('steady/s/d1/json', '{"v":1}', { qos: 1 })
  client.stream.destroy()
  await vi.waitFor(async () => {
    for (const query of [{ site: 's' }, {}]) {
      const hours = await completeness(query)
      const { expected, received, missing } = sums(hours)
      expect(received).toBe(1)
      expect(missing).toBeGreaterThanOrEqual(2)
      expect(expected).toBe(received + missing)
      const faults = hours.flatMap((hour) => Object.values(hour.faults)).reduce((sum, it) => sum + it, 0)
      expect(faults).toBe(missing)
      expect(hours.reduce((sum, hour) => sum + (hour.faults.network ?? 0), 0)).toBeGreaterThanOrEqual(1)
    }
  }, patient)
})
