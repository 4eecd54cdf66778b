/** One suite for every store. The real InfluxDB is used where it is found; in CI it must be. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DuckDBInstance } from '@duckdb/node-api'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdb } from '../stores/duckdb.ts'
import { openInfluxdb } from '../stores/influxdb.ts'
import type { Store } from '../stores/store.ts'
import { UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { createSeries, emptyCheckpoint, type FieldType, type Point, type Series } from '../telemetry/point.ts'
import type { ScanQuery, StoredPoint } from '../telemetry/query.ts'
import type { Value } from '../telemetry/reading.ts'
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
/** A point of any field and type. Measurements of the tests that need their own are named by `own()`: stores outlive a test. */
const typedPoint = (
  [measurement, field, type]: [measurement: string, field: string, type: FieldType],
  ms: number,
  value: Value,
  more: { ns?: number; site?: string; device?: string } = {},
): Point => ({
  series: createSeries(
    measurement,
    [
      ['site', more.site ?? 'a'],
      ['device', more.device ?? device],
    ],
    field,
    type,
  ),
  timeNs: BigInt(t0 + ms) * 1_000_000n + BigInt(more.ns ?? 0),
  value,
  position: 0,
})
const own = (name: string) => `${name}_${devices}`
const hostileTexts = [
  '',
  '"',
  '\\',
  'a\\"b\\\\',
  'two\nlines\r\n',
  ', =\t',
  'é😀',
  '2020-01-01',
  'value=1 5',
  "'; DROP",
]

async function scanAll(query: Partial<ScanQuery>): Promise<StoredPoint[]> {
  const found: StoredPoint[] = []
  for await (const some of store.scan({ device, fromMs: t0 - 1000, toMs: t0 + 1_000_000, ...query })) {
    expect(some.length).toBeLessThanOrEqual(limits.batchPointsMax)
    found.push(...some)
  }
  return found
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

  test.each<[FieldType, Value[]]>([
    ['float', [0.1, -1.5e-7, 1e21, 5e-324]],
    ['integer', [0, -7, 2 ** 53, -(2 ** 53)]],
    ['boolean', [true, false, true]],
    ['string', hostileTexts],
  ])('store gives back each value as it was when its field is %s', async (type, values) => {
    const field: [string, string, FieldType] = [own(type), 'value', type]
    await put(...values.map((value, i) => typedPoint(field, i, value)))
    const wanted = values.map((value, i) => ({ timeMs: t0 + i, value }))
    for (const _ of ['as written', 'opened again']) {
      expect(await store.readings(range(own(type)), 100)).toEqual(wanted)
      const mine = (await store.latest()).filter((it) => it.device === device)
      expect(mine).toEqual([{ site: 'a', device, channel: own(type), ...wanted.at(-1) }])
      expect(await store.channels(device)).toEqual([own(type)])
      expect(await store.extent({ device, channel: own(type) })).toEqual({ fromMs: t0, toMs: wanted.at(-1)?.timeMs })
      expect((await scanAll({})).map((it) => [it.series.type, it.value])).toEqual(values.map((value) => [type, value]))
      expect(await store.fieldTypes()).toContainEqual({ measurement: own(type), field: 'value', type })
      const ranges = await store.downsampled(range(own(type)), 1)
      expect(ranges.length > 0).toBe(type === 'float' || type === 'integer')
      await store.close()
      store = await openStore()
    }
  })

  test('store keeps the later string when a series and time is written again', async () => {
    const text: [string, string, FieldType] = [own('text'), 'value', 'string']
    await put(typedPoint(text, 0, 'first'), typedPoint(text, 1, 'other'))
    await put(typedPoint(text, 0, 'second'))
    expect((await store.readings(range(own('text')), 10)).map((it) => it.value)).toEqual(['second', 'other'])
    expect((await scanAll({})).map((it) => it.value)).toEqual(['second', 'other'])
  })

  test('store refuses the one point of a batch whose field has another type, and stores the others', async () => {
    const measurement = own('mixed')
    await put(typedPoint([measurement, 'value', 'integer'], 0, 1))
    const wrong = typedPoint([measurement, 'value', 'string'], 1, 'text', { site: 'b' })
    const batch = [point('rainfall', 0, 1), wrong, typedPoint([measurement, 'value', 'integer'], 2, 2)]
    for (let tries = 0; tries < 2; tries++) {
      const rejections = await store.write(batch)
      expect(rejections.map((it) => it.point)).toEqual([wrong])
      expect(rejections[0]?.reason).toContain('field type conflict')
    }
    await store.commit(emptyCheckpoint())
    expect((await store.readings(range(measurement), 10)).map((it) => it.value)).toEqual([1, 2])
    expect((await store.readings(range('rainfall'), 10)).map((it) => it.value)).toEqual([1])
    await put(typedPoint([measurement, 'value', 'integer'], 3, 3))
  })

  test('store refuses the later of two points of one new batch when their types differ', async () => {
    const points = [
      typedPoint([own('both'), 'value', 'boolean'], 0, true),
      typedPoint([own('both'), 'value', 'float'], 1, 1),
    ]
    const rejections = await store.write(points)
    await store.commit(emptyCheckpoint())
    expect(rejections.map((it) => it.point)).toEqual([points[1]])
    expect(await store.readings(range(own('both')), 10)).toEqual([{ timeMs: t0, value: true }])
  })

  test('store tells several fields of a measurement apart, by the names of their channels', async () => {
    const measurement = own('weather.station')
    await put(
      typedPoint([measurement, 'value', 'float'], 0, 20.5),
      typedPoint([measurement, 'humidity', 'integer'], 0, 55),
      typedPoint([measurement, 'sky', 'string'], 1, 'cloudy'),
    )
    const names = [measurement, `${measurement}.humidity`, `${measurement}.sky`]
    expect(await store.channels(device)).toEqual(names)
    const values = await Promise.all(names.map((name) => store.readings(range(name), 10)))
    expect(values.map((it) => it.map((one) => one.value))).toEqual([[20.5], [55], ['cloudy']])
    const latest = (await store.latest()).filter((it) => it.device === device)
    expect(latest.map((it) => it.channel).toSorted()).toEqual(names)
    expect((await scanAll({ channel: names[1] as string })).map((it) => it.value)).toEqual([55])
  })

  test('store keeps what is said about a reading, and the state of a device, out of its channels', async () => {
    await put(
      typedPoint([own('soil'), 'value', 'float'], 0, 1),
      typedPoint([own('soil'), 'time_quality', 'string'], 0, 'ahead'),
      typedPoint([own('soil'), 'time_uncertainty_ms', 'float'], 0, 20),
      typedPoint(['device_state', 'online', 'float'], 0, 1),
    )
    expect(await store.channels(device)).toEqual([own('soil')])
    expect((await store.latest()).filter((it) => it.device === device).map((it) => it.channel)).toEqual([own('soil')])
    expect(await store.readings(range(`${own('soil')}.time_quality`), 10)).toEqual([])
    const fields = (await scanAll({})).map((it) => `${it.series.measurement}.${it.series.field}`)
    expect(fields.toSorted()).toEqual(
      [
        'device_state.online',
        ...['time_quality', 'time_uncertainty_ms', 'value'].map((it) => `${own('soil')}.${it}`),
      ].toSorted(),
    )
  })

  test('store answers what the platform wrote about a device when it is asked for by name', async () => {
    const word = (ms: number, value: string) => typedPoint(['device_state', 'state', 'string'], ms, value)
    await put(word(1, 'online'), word(5, 'asleep'), typedPoint(['completeness', 'missing', 'float'], 3, 4))
    const range = { device, fromMs: t0, toMs: t0 + 10 }
    expect(await store.readings({ ...range, channel: 'device_state.state' }, 10)).toEqual([
      { timeMs: t0 + 1, value: 'online' },
      { timeMs: t0 + 5, value: 'asleep' },
    ])
    expect(await store.readings({ ...range, channel: 'completeness.missing' }, 10)).toMatchObject([{ value: 4 }])
    expect(await store.channels(device)).toEqual([])
  })

  test('store gives the last readings of a range when they are wanted', async () => {
    await put(...Array.from({ length: 20 }, (_, i) => point('rainfall', i, i)))
    expect((await store.readings(range('rainfall'), 3, 'last')).map((it) => it.value)).toEqual([17, 18, 19])
    expect((await store.readings(range('rainfall'), 3, 'first')).map((it) => it.value)).toEqual([0, 1, 2])
  })

  test('store scans every point of a range once, series after series and in order of exact time', async () => {
    const numbers = Array.from({ length: 12_000 }, (_, i) => point('rainfall', i % 7, i, { ns: i }))
    const texts = Array.from({ length: 5_001 }, (_, i) => typedPoint([own('log'), 'value', 'string'], i, `line ${i}`))
    const others = [
      point('rainfall', 0, -1, { site: 'b' }),
      point('rainfall', 0, -2, { ns: 1, site: 'b' }),
      typedPoint([own('log'), 'value', 'string'], 0, 'elsewhere', { device: `${device} too` }),
    ]
    await put(...numbers, ...texts, ...others)
    const found = await scanAll({})
    const wanted = [...numbers, ...texts, ...others.slice(0, 2)]
    const keyOf = (it: StoredPoint) => `${it.series.key} ${String(it.timeNs).padStart(20, '0')} ${it.value}`
    expect(found.map(keyOf).toSorted()).toEqual(wanted.map(keyOf).toSorted())
    const begun = new Set<string>()
    found.forEach((it, i) => {
      const before = found[i - 1]
      if (before?.series.key === it.series.key) expect(it.timeNs > before.timeNs).toBe(true)
      else expect(begun.has(it.series.key)).toBe(false)
      begun.add(it.series.key)
    })
    expect(begun.size).toBe(3)
    expect(found[0]?.series.tags).toEqual([
      ['device', device],
      ['site', 'a'],
    ])
    expect((await scanAll({ site: 'b' })).map((it) => it.value)).toEqual([-1, -2])
    expect(await scanAll({ channel: own('log'), fromMs: t0 + 10, toMs: t0 + 12 })).toHaveLength(3)
    expect(await scanAll({ fromMs: t0 + 6000, toMs: t0 + 5999 })).toEqual([])
    expect(await scanAll({ device: 'nobody' })).toEqual([])
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

  test('duckdb forgets a type that was never committed', async () => {
    await store.write([typedPoint([own('draft'), 'value', 'string'], 0, 'x')])
    expect(await store.write([typedPoint([own('draft'), 'value', 'float'], 0, 1)])).toEqual([])
    await store.commit(emptyCheckpoint())
    expect(await store.readings(range(own('draft')), 10)).toEqual([{ timeMs: t0, value: 1 }])
  })

  test('duckdb opens a file that was written before values had types', async () => {
    const path = join(folder, 'first-form.duckdb')
    const instance = await DuckDBInstance.create(path)
    const connection = await instance.connect()
    for (const statement of [
      'CREATE TABLE series (id UINTEGER, measurement VARCHAR, field VARCHAR, tags VARCHAR)',
      'CREATE TABLE points (series UINTEGER, time BIGINT, value DOUBLE)',
      'CREATE TABLE checkpoint (json VARCHAR)',
      `INSERT INTO series VALUES (1, 'rainfall', 'value', '{"device":"old","site":"a"}')`,
      `INSERT INTO points VALUES (1, ${t0}000000, 0.5)`,
    ])
      await connection.run(statement)
    connection.closeSync()
    instance.closeSync()
    for (let times = 1; times <= 2; times++) {
      const migrated = await openDuckdb(path)
      expect(await migrated.fieldTypes()).toEqual([{ measurement: 'rainfall', field: 'value', type: 'float' }])
      device = 'old'
      expect(await migrated.write([point('rainfall', times, times)])).toEqual([])
      await migrated.commit(emptyCheckpoint())
      expect(await migrated.readings(range('rainfall'), 10)).toHaveLength(1 + times)
      await migrated.close()
    }
  })

  test('duckdb scans a million points with little memory', async () => {
    const series = Array.from({ length: 20 }, (_, i) => point(`many${i}`, 0, 0).series)
    const total = 1_000_000
    // The first series is longer than one question may answer, and most of its points lie close together.
    for (let from = 0; from < total; from += 20_000) {
      const points = Array.from({ length: 20_000 }, (_, i): Point => {
        const at = from + i
        const timeNs = BigInt(t0) * 1_000_000n + BigInt(at < 900_000 ? at : at * 1000)
        return { series: series[at % 2 === 0 ? 0 : at % 20] as Series, timeNs, value: at, position: at }
      })
      await put(...points)
    }
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const heap = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const before = heap()
    let count = 0
    let sum = 0
    let most = 0
    for await (const some of store.scan({ device, fromMs: t0, toMs: t0 + 10_000_000 })) {
      count += some.length
      for (const it of some) sum += it.value as number
      if (count % 50_000 < some.length) most = Math.max(most, heap() - before)
    }
    expect(count).toBe(total)
    expect(sum).toBe((total * (total - 1)) / 2)
    expect(most).toBeLessThan(20e6)
  })

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

  const open = (more: { token?: string; measurements?: string[] } = {}) =>
    openInfluxdb({
      url: influxd.url,
      org: influxd.org,
      bucket: influxd.bucket,
      token: more.token ?? influxd.token,
      measurements: () => more.measurements ?? null,
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

  test('influxdb splits out exactly the points of the wrong type when they are many and lie days apart', async () => {
    const right: [string, string, FieldType] = [own('apart'), 'value', 'float']
    const wrong: [string, string, FieldType] = [own('apart'), 'value', 'string']
    const day = 86_400_000
    await put(...Array.from({ length: 20 }, (_, i) => typedPoint(right, -i * day - 1, i)))
    const batch = Array.from({ length: 2_000 }, (_, i) =>
      i % 3 === 0 ? typedPoint(right, -(i % 20) * day + i, i) : typedPoint(wrong, -(i % 20) * day + i, 'x'),
    )
    const begunAt = performance.now()
    const rejections = await store.write(batch)
    // One by one it would be thousands of requests, and more than ten seconds.
    expect(performance.now() - begunAt).toBeLessThan(3_000)
    const wanted = batch.filter((it) => it.series.type === 'string')
    expect(new Set(rejections.map((it) => it.point))).toEqual(new Set(wanted))
    expect(rejections).toHaveLength(wanted.length)
    const kept = await store.readings({ ...range(own('apart')), fromMs: t0 - 30 * day }, 10_000)
    expect(kept).toHaveLength(20 + batch.length - wanted.length)
  })

  test('influxdb refuses what its line protocol would lose or misplace without a word', async () => {
    const wrong = ['#rain', 'back\\slash', 'line\nbreak'].map((name) => point(name, 0, 1))
    const rejections = await store.write([...wrong, point('rainfall', 0, 1)])
    expect(rejections.map((it) => it.point)).toEqual(wrong)
    expect(await store.readings(range('rainfall'), 10)).toHaveLength(1)
  })

  test('influxdb shows of a shared bucket only what was named, or what belongs to a device', async () => {
    device = 'shared'
    await influxd.write(`foreign,host=h usage=1 ${t0}000000\nalien,device=shared value=1 ${t0}000000`)
    await put(point('rainfall', 0, 1))
    expect((await store.latest()).some((it) => it.channel.startsWith('foreign'))).toBe(false)
    expect(await store.channels(device)).toEqual(['alien', 'rainfall'])
    const named = await open({ measurements: ['rainfall', 'not_yet_there'] })
    expect(await named.channels(device)).toEqual(['rainfall'])
    expect(await named.readings(range('alien'), 10)).toEqual([])
    // New routes may want it: their types are checked against everything that is there.
    expect(await named.fieldTypes()).toContainEqual({ measurement: 'alien', field: 'value', type: 'float' })
  })

  test('influxdb gives back both types of a field that had another one long ago', async () => {
    device = 'changed'
    await influxd.write(`changed,device=changed value="old" ${t0 - 9_000_000_000}000000`)
    await put(point('changed', 0, 1))
    const query = { device, channel: 'changed', fromMs: t0 - 10_000_000_000, toMs: t0 }
    expect((await store.readings(query, 10)).map((it) => it.value)).toEqual(['old', 1])
    expect((await scanAll(query)).map((it) => it.value).toSorted()).toEqual([1, 'old'])
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
