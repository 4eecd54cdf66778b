/** One suite for every store. The real InfluxDB is used where it is found; in CI it must be. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdb } from '../stores/duckdb.ts'
import { openInfluxdb } from '../stores/influxdb.ts'
import type { Store } from '../stores/store.ts'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { createSeries, emptyCheckpoint, type Point } from '../telemetry/point.ts'
import { type Influxd, startInfluxd } from './servers/influxd.ts'
import { needs } from './servers/tools.ts'

const t0 = 1_700_000_000_000
let folder: string
let store: Store
let device: string
let devices = 0

const point = (channel: string, ms: number, value: number, more: { ns?: number; site?: string } = {}): Point => ({
  series: createSeries(
    channel,
    [
      ['site', more.site ?? 'a'],
      ['device', device],
    ],
    'value',
  ),
  timeNs: BigInt(t0 + ms) * 1_000_000n + BigInt(more.ns ?? 0),
  value,
  position: 0,
})
async function put(...points: Point[]): Promise<void> {
  expect(await store.write(points)).toEqual([])
  await store.commit({ ...emptyCheckpoint(), position: 1 })
}
const range = (channel: string) => ({ device, channel, fromMs: t0 - 1000, toMs: t0 + 1_000_000 })

function contract(openStore: () => Promise<Store>): void {
  beforeEach(async () => {
    device = `d ${++devices},=é`
    store = await openStore()
  })
  afterEach(() => store.close())

  test('store gives back readings in order of time when they were written out of order', async () => {
    await put(point('rainfall', 2000, 0.4), point('rainfall', 0, 0.2), point('rainfall', 1000, -1.5e-7))
    expect(await store.readings(range('rainfall'), 10)).toEqual([
      { timeMs: t0, value: 0.2 },
      { timeMs: t0 + 1000, value: -1.5e-7 },
      { timeMs: t0 + 2000, value: 0.4 },
    ])
    expect(await store.readings(range('rainfall'), 2)).toHaveLength(2)
    expect(await store.readings(range('pulse'), 10)).toEqual([])
  })

  test('store answers both ends of a range, and nothing beyond', async () => {
    await put(point('rainfall', 0, 1), point('rainfall', 10, 2, { ns: 999_999 }), point('rainfall', 11, 3))
    const readings = await store.readings({ device, channel: 'rainfall', fromMs: t0, toMs: t0 + 10 }, 10)
    expect(readings.map((it) => it.value)).toEqual([1, 2])
  })

  test('store keeps the later value when a series and time is written again', async () => {
    await put(point('rainfall', 0, 1), point('rainfall', 1, 5))
    await put(point('rainfall', 0, 2))
    expect((await store.readings(range('rainfall'), 10)).map((it) => it.value)).toEqual([2, 5])
    expect(await store.downsampled({ ...range('rainfall'), fromMs: t0, toMs: t0 + 99 }, 1)).toMatchObject([
      { mean: 3.5, min: 2, max: 5 },
    ])
  })

  test('store keeps readings apart when they differ by a nanosecond, a site or a channel', async () => {
    await put(
      point('rainfall', 0, 1),
      point('rainfall', 0, 2, { ns: 1 }),
      point('rainfall', 0, 3, { site: 'b' }),
      point('pulse', 0, 4),
    )
    expect((await store.readings({ ...range('rainfall'), site: 'a' }, 10)).map((it) => it.value)).toEqual([1, 2])
    expect((await store.readings({ ...range('rainfall'), site: 'b' }, 10)).map((it) => it.value)).toEqual([3])
    expect(await store.channels(device)).toEqual(['pulse', 'rainfall'])
    expect(await store.channels(device, 'b')).toEqual(['rainfall'])
    expect(await store.channels('nobody')).toEqual([])
  })

  test('store answers the newest reading by its own time, also after a late one', async () => {
    await put(point('voltage', 5000, 3.7), point('voltage', 6000, 3.6))
    await put(point('voltage', 1000, 3.9))
    const mine = (await store.latest()).filter((it) => it.device === device)
    expect(mine).toEqual([{ site: 'a', device, channel: 'voltage', timeMs: t0 + 6000, value: 3.6 }])
    expect(await store.extent({ device, channel: 'voltage' })).toEqual({ fromMs: t0 + 1000, toMs: t0 + 6000 })
    expect(await store.extent({ device, channel: 'pulse' })).toBeNull()
  })

  test('store reduces a range to about the points that were asked for', async () => {
    await put(...Array.from({ length: 1000 }, (_, i) => point('pulse', i * 100, i)))
    const buckets = await store.downsampled({ device, channel: 'pulse', fromMs: t0, toMs: t0 + 99_999 }, 10)
    expect(buckets.length).toBeGreaterThanOrEqual(10)
    expect(buckets.length).toBeLessThanOrEqual(11)
    expect(buckets[0]).toMatchObject({ timeMs: t0, min: 0, max: 99, mean: 49.5 })
    expect(Math.max(...buckets.map((it) => it.max))).toBe(999)
  })

  test('store takes a batch of many points and answers all of them', async () => {
    const points = Array.from({ length: 12_710 }, (_, i) => point('voltage', i * 60, i / 100))
    await put(...points)
    const readings = await store.readings(range('voltage'), 1_000_000)
    expect(readings.length).toBe(points.length)
    expect(readings.at(-1)?.value).toBe(127.09)
  })

  test('store remembers the checkpoint when it is opened again', async () => {
    const checkpoint = { position: 123, ordinal: 9, stored: 5, quarantined: 2, duplicate: 1, damaged: 1 }
    await store.write([point('pulse', 0, 60)])
    await store.commit(checkpoint)
    await store.close()
    store = await openStore()
    expect(await store.checkpoint()).toEqual(checkpoint)
    expect((await store.latest()).filter((it) => it.device === device)).toHaveLength(1)
    await expect(store.ping()).resolves.toBeUndefined()
  })

  test('store shows nothing twice when a batch is written again before its commit', async () => {
    await store.write([point('pulse', 0, 60), point('pulse', 1, 61)])
    await put(point('pulse', 0, 60), point('pulse', 1, 61))
    expect((await store.readings(range('pulse'), 10)).map((it) => it.value)).toEqual([60, 61])
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('duckdb', () => {
  contract(() => openDuckdb(join(folder, 'readings.duckdb')))

  test('duckdb refuses questions, not readings, when too many wait', async () => {
    await put(point('rainfall', 0, 1))
    const asked = Promise.allSettled(
      Array.from({ length: 2 * limits.storeQueriesWaitingMax }, () => store.readings(range('rainfall'), 10)),
    )
    await put(point('rainfall', 1, 2))
    const refused = (await asked).filter((it) => it.status === 'rejected')
    expect(refused).toHaveLength(limits.storeQueriesWaitingMax)
    for (const it of refused) expect(it.reason).toBeInstanceOf(UnavailableError)
    expect(await store.readings(range('rainfall'), 10)).toHaveLength(2)
  })
})

describe.skipIf(needs({ influxd: true }) !== null)('influxdb', () => {
  let influxd: Influxd
  beforeAll(async () => {
    influxd = await startInfluxd()
  })
  afterAll(() => influxd.close())

  const open = (more: { token?: string } = {}) =>
    openInfluxdb({
      url: influxd.url,
      org: influxd.org,
      bucket: influxd.bucket,
      token: more.token ?? influxd.token,
      channels: ['rainfall', 'pulse', 'voltage'],
      checkpointPath: join(folder, 'influxdb.checkpoint.json'),
      log: pino({ level: 'silent' }),
    })
  contract(() => open())

  test('influxdb splits out the one point of a batch that it refuses, and stores the others', async () => {
    await influxd.write(`mixed,device=x value="text" ${t0 + 5}000000`)
    device = 'split'
    const wrong: Point = { ...point('mixed', 0, 1), series: createSeries('mixed', [['device', 'x']], 'value') }
    const points = [point('rainfall', 0, 1), wrong, point('rainfall', 1, 2), point('rainfall', 2, 3)]
    const rejections = await store.write(points)
    expect(rejections.map((it) => it.point)).toEqual([wrong])
    expect(rejections[0]?.reason).toContain('conflict')
    expect(await store.readings(range('rainfall'), 10)).toHaveLength(3)
  })

  test('influxdb keeps the points for later when it is set up differently or away', async () => {
    const stranger = await open({ token: 'wrong-token-0123456789' })
    await expect(stranger.write([point('rainfall', 0, 1)])).rejects.toBeInstanceOf(UnavailableError)
    await influxd.stop()
    await expect(store.write([point('rainfall', 0, 1)])).rejects.toBeInstanceOf(UnavailableError)
    await expect(store.latest()).rejects.toBeInstanceOf(UnavailableError)
    await influxd.restart()
  })
})
