import Fastify from 'fastify'
import { expect, test } from 'vitest'
import type { DeviceStatus } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { RangeQuery } from '../telemetry/query.ts'
import { addDevices } from './devices.ts'
import { createFleet } from './fleet.ts'
import { addTimeline } from './timeline.ts'

const status = (device: string, state: DeviceStatus['state'], more: Partial<DeviceStatus> = {}): DeviceStatus => ({
  site: 'north',
  device,
  state,
  why: `is ${state}`,
  sinceMs: 1_700_000_000_000,
  lastSeenMs: 1_700_000_000_000,
  dueMs: null,
  isAlerting: state === 'lost',
  ...more,
})

async function asked(url: string, statuses: DeviceStatus[]) {
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false } } })
  const stored = [{ site: 'south', device: 'old', channel: 'rainfall', timeMs: 1_600_000_000_000, value: 1 }]
  addDevices(
    app,
    createFleet(
      () => statuses,
      async () => stored,
      () => 'mm',
    ),
  )
  const answer = await app.inject({ url })
  await app.close()
  return answer
}
const few = [
  status('c', 'asleep', { dueMs: 1_700_000_600_000 }),
  status('b', 'lost'),
  status('a', 'late'),
  status('d', 'never-seen', { lastSeenMs: 0, site: 'south' }),
]

test('devices show what is stored of one when nobody has heard it since', async () => {
  const answer = await asked('/api/devices', [status('old', 'never-seen', { lastSeenMs: 0, site: 'south' })])
  expect(answer.json()).toMatchObject([{ device: 'old', state: 'offline', latest: { rainfall: { value: 1 } } }])
  expect(JSON.parse(String(answer.headers['x-state-counts']))).toEqual({ offline: 1 })
})

test.each([
  ['', ['a', 'b', 'c', 'd', 'old']],
  ['state=late,lost', ['a', 'b']],
  ['state=late&state=lost', null],
  ['site=south', ['d', 'old']],
  ['alert=true', ['b']],
  ['limit=2', ['a', 'b']],
  ['limit=2&after=north/b', ['c', 'd']],
  ['state=lost&after=north/b', []],
  ['state=gone', null],
  ['limit=0', null],
])('devices asked with %j are %j', async (query, wanted) => {
  const answer = await asked(`/api/devices?${query}`, few)
  if (wanted === null) expect(answer.statusCode).toBe(400)
  else expect(answer.json().map((it: { device: string }) => it.device)).toEqual(wanted)
})

test('devices tell when they are due, and how many there are of each state and in all', async () => {
  const { headers, json } = await asked('/api/devices?limit=3', few)
  expect(headers['x-total-count']).toBe('5')
  expect(JSON.parse(String(headers['x-state-counts']))).toEqual({
    asleep: 1,
    lost: 1,
    late: 1,
    'never-seen': 1,
    offline: 1,
  })
  expect(json().map((it: { due: string | null }) => it.due)).toEqual([null, null, '2023-11-14T22:23:20.000Z'])
  expect((await asked('/api/devices?state=never-seen', few)).json()[0].lastSeen).toBeNull()
})

test('devices come as a page of limited size when there are very many', async () => {
  const many = Array.from({ length: 60_000 }, (_, i) => status(`d${i}`, 'online'))
  const answer = await asked('/api/devices', many)
  expect(answer.json()).toHaveLength(limits.devicesListedMax)
  expect(answer.headers['x-total-count']).toBe('60001')
})

test('timeline begins with the state before the range', async () => {
  const rows = [100, 5_000, 9_000].map((timeMs) => ({ timeMs, value: `s${timeMs}` }))
  const queries: RangeQuery[] = []
  const app = Fastify()
  addTimeline(app, {
    async readings(query: RangeQuery, rowsMax: number, end: 'first' | 'last' = 'first') {
      queries.push(query)
      const found = rows.filter(({ timeMs }) => timeMs >= query.fromMs && timeMs <= query.toMs)
      return end === 'last' ? found.slice(-rowsMax) : found.slice(0, rowsMax)
    },
  } as never)
  const answer = await app.inject({ url: '/api/devices/north/gauge%2F1/timeline?from=5000&to=8000' })
  expect(answer.json()).toEqual([
    { time: '1970-01-01T00:00:00.100Z', state: 's100' },
    { time: '1970-01-01T00:00:05.000Z', state: 's5000' },
  ])
  expect(queries[0]).toMatchObject({ site: 'north', device: 'gauge/1', channel: 'device_state.state' })
  expect((await app.inject({ url: '/api/devices//d/timeline?from=9&to=1' })).json()).toEqual([])
  expect((await app.inject({ url: '/api/devices/n/d/timeline?from=x' })).statusCode).toBe(400)
  await app.close()
})
