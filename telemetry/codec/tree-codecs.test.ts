/** What holds for json, cbor, msgpack, csv and text alike, plain and compressed: random reports return, hostile bytes do no harm. */
import { afterAll, expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { type Codec, createMemory, isProblem, type Reading, type Report, type TimeBase } from '../reading.ts'
import { type CodecOptions, type Compression, treeDefaults } from '../route.ts'
import { createCodec } from './codec.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
afterAll(() => console.log(`seed ${seed}`))

function createRandom(state: number) {
  /** mulberry32 */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  const pick = <T>(of: readonly T[]): T => of[below(of.length)] as T
  return { next, below, pick }
}
type Random = ReturnType<typeof createRandom>

const context = { topic: 't', memory: createMemory() }

/** Which reports a codec can say. */
type Kind = {
  name: string
  options: CodecOptions
  compression?: Compression
  base: TimeBase
  channels: string[]
  /** Rows of a report; 'one' in formats that hold a report in each line. */
  rows: 'one' | 'many' | 'many of one channel'
  reports: number
  values: 'integers' | 'numbers' | 'all' | 'numbers and texts' | 'texts'
  hasHead: boolean
}

const trees = (['json', 'cbor', 'msgpack'] as const).flatMap((codec): Kind[] => {
  const columnar = { reports: 1, hasHead: true, channels: [''] }
  return [
    {
      ...columnar,
      name: `${codec}, one report`,
      options: { codec, ...treeDefaults },
      base: 'unix',
      rows: 'many of one channel',
      values: 'all',
    },
    {
      ...columnar,
      name: `${codec}, deltas`,
      options: { codec, ...treeDefaults, deltas: true, timeBase: 'now', sent: '' },
      base: 'now',
      rows: 'many of one channel',
      values: 'integers',
    },
    {
      name: `${codec}, reports of several channels`,
      options: { codec, ...treeDefaults, each: 'd.rows', values: ['a', 'b.c', 'x[1]'], timeBase: 'boot' },
      base: 'boot',
      channels: ['a', 'b.c', 'x[1]'],
      rows: 'one',
      reports: 5,
      values: 'all',
      hasHead: true,
    },
    {
      name: `${codec}, rows`,
      options: { codec, ...treeDefaults, each: 'd', values: ['a', 'b'], sequence: '$.seq' },
      base: 'unix',
      channels: ['a', 'b'],
      rows: 'many',
      reports: 1,
      values: 'all',
      hasHead: true,
    },
  ]
})

const csv = { codec: 'csv', separator: ',', headerLines: 1 } as const
const kinds: Kind[] = [
  ...trees,
  { ...(trees[0] as Kind), name: 'json, gzip', compression: 'gzip' },
  { ...(trees[4] as Kind), name: 'cbor, zlib', compression: 'zlib' },
  {
    name: 'csv, lines of one report',
    options: { ...csv, columns: ['time', 'a', '-', 'b'] },
    base: 'unix',
    channels: ['a', 'b'],
    rows: 'many',
    reports: 1,
    values: 'numbers and texts',
    hasHead: false,
  },
  {
    name: 'csv, a report for each line',
    options: { ...csv, columns: ['seq', 'a', 'b', 'age', 'boot', 'next'], separator: ';' },
    base: 'now',
    channels: ['a', 'b'],
    rows: 'one',
    reports: 5,
    values: 'numbers and texts',
    hasHead: true,
  },
  {
    name: 'text',
    options: { codec: 'text' },
    base: 'none',
    channels: [''],
    rows: 'one',
    reports: 1,
    values: 'texts',
    hasHead: false,
  },
]

function randomReports(kind: Kind, random: Random): Report[] {
  const count = 1 + random.below(kind.reports)
  return Array.from({ length: count }, () => randomReport(kind, random, count > 1))
}

function randomReport(kind: Kind, { next, below, pick }: Random, needsSequence: boolean): Report {
  const values = {
    integers: () => below(2 ** 16) - 2 ** 15,
    numbers: () => pick([below(100), -(1 + below(1000)) / 8, (next() - 0.5) * 10 ** below(20), 2 ** 53 - 1, 5e-324]),
    texts: () => pick(['on', 'a "quoted" text', 'größer', '🌧', 'x'.repeat(below(200) + 1)]),
  }
  const valueOfKind = {
    ...values,
    'numbers and texts': () => pick([values.numbers, values.texts])(),
    all: () => pick<Reading['value']>([values.numbers(), values.texts(), next() < 0.5]),
  }[kind.values]
  const startMs = { none: 0, unix: 1.6e12 + below(1e11), now: -86_400_000, boot: below(1e9) }[kind.base]
  const stepMs = pick([0, 1, 100, 60_000])
  const isEven = next() < 0.5
  const isTimed = kind.base !== 'none' && next() < 0.8
  const readings: Reading[] = []
  const rowCount = kind.rows === 'one' ? 1 : 1 + below(12)
  for (let row = 0; row < rowCount; row++) {
    const timeMs = isTimed ? startMs + (isEven ? row * stepMs : below(86_400_000)) : 0
    const present = kind.channels.filter(() => next() < 0.7)
    for (const channel of present.length > 0 ? present : [pick(kind.channels)]) {
      readings.push({ channel, value: valueOfKind(), unit: '', timeBase: isTimed ? kind.base : 'none', timeMs })
    }
  }
  const hasSent = kind.hasHead && kind.options.codec !== 'csv' && kind.base !== 'now' && next() < 0.3
  return {
    readings,
    ...((needsSequence || (kind.hasHead && next() < 0.7)) && { sequence: pick([0, below(2 ** 16), 2 ** 53 - 1]) }),
    ...(kind.hasHead && next() < 0.3 && { boot: below(1000) }),
    ...(hasSent && { sentMs: startMs + below(1e6) }),
    ...(kind.hasHead && next() < 0.3 && { nextS: pick([0.5, 600]) }),
  }
}

const codecOf = (kind: Kind): Codec => createCodec(kind.options, kind.compression)

test.each(kinds)('$name: what was written is read again', (kind) => {
  const random = createRandom(seed)
  const codec = codecOf(kind)
  for (let i = 0; i < 500; i++) {
    const reports = randomReports(kind, random)
    expect(codec.decode(codec.encode(reports), context), `seed ${seed}, round ${i}`).toEqual(reports)
  }
})

/** A valid payload with a few bytes changed, cut, doubled or inserted; or bytes from nowhere. */
function mutated(payload: Buffer, { below, next, pick }: Random): Buffer {
  if (next() < 0.2) return Buffer.from(Array.from({ length: below(64) }, () => below(256)))
  let bytes = Buffer.from(payload)
  for (let i = below(4); i >= 0; i--) {
    const at = below(bytes.length + 1)
    const change = below(5)
    if (change === 0) bytes = bytes.subarray(0, at)
    else if (change === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(at + 1))])
    else if (change === 2) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([below(256)]), bytes.subarray(at)])
    else if (at < bytes.length) {
      bytes = Buffer.from(bytes)
      bytes[at] =
        change === 3 ? pick([0, 0x7f, 0x80, 0xd8, 0xdf, 0xff, 0x5b, 0x9b, 0xbb]) : (bytes[at] ?? 0) ^ (1 << below(8))
    }
  }
  return bytes
}

test.each(kinds)('$name: hostile payloads end as a problem or as sound reports', (kind) => {
  const random = createRandom(seed + 1)
  const codec = codecOf(kind)
  let slowestMs = 0
  let refused = 0
  for (let i = 0; i < 3000; i++) {
    const payload = mutated(codec.encode(randomReports(kind, random)), random)
    const copy = Buffer.from(payload)
    const begun = performance.now()
    const result = codec.decode(payload, context)
    slowestMs = Math.max(slowestMs, performance.now() - begun)
    if (!payload.equals(copy) || Object.keys(payload).length !== copy.length) throw new Error('the payload was changed')
    if (isProblem(result)) {
      refused++
      if (result.detail.length < 10 || result.detail.length > 300) throw new Error(`detail of ${result.detail.length}`)
    } else for (const report of result) assertSound(report, copy)
  }
  expect(refused).toBeGreaterThan(kind.options.codec === 'text' ? 100 : 1000)
  // Far from 50 ms; a machine that is busy with something else must not fail it.
  expect(slowestMs).toBeLessThan(500)
})

function assertSound(report: Report, payload: Buffer): void {
  const at = `seed ${seed}, payload ${payload.toString('hex')}`
  if (report.readings.length > limits.readingsPerMessageMax) throw new Error(at)
  for (const { value, timeBase, timeMs, channel } of report.readings) {
    const isSound =
      (typeof value === 'number' ? Number.isFinite(value) : ['string', 'boolean'].includes(typeof value)) &&
      Number.isFinite(timeMs) &&
      (timeBase === 'none' ? timeMs === 0 : timeBase === 'now' ? timeMs <= 0 : timeMs >= 0) &&
      typeof channel === 'string'
    if (!isSound) throw new Error(at)
  }
  for (const whole of [report.sequence, report.boot]) {
    if (whole !== undefined && !(Number.isSafeInteger(whole) && whole >= 0)) throw new Error(at)
  }
  if (report.nextS !== undefined && !(report.nextS > 0)) throw new Error(at)
}
