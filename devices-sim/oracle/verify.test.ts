import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Value } from '../../telemetry/reading.ts'
import { createRandom } from '../random.ts'
import type { Quantity } from '../sensor.ts'
import type { TimeKnowledge, TruthEvent } from '../truth/truth.ts'
import { type FaultKind, faultKinds } from './faults.ts'
import { toHtml } from './report.ts'
import { isRight, type Result, toText } from './result.ts'
import {
  losesAcknowledgements,
  quantities,
  type StoryRow,
  startMs,
  storedOf,
  tellStory,
  writeStory,
} from './story.fake.ts'
import { verify } from './verify.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'))
  path = join(folder, 'truth.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

const minute = 60_000
const hour = 60 * minute

type Plan = { how?: TimeKnowledge['how']; quantity?: Quantity; values?: Value[]; devices?: number }

/** Devices that report every ten minutes, and rows as they should be: for one that counts, what was added. */
function tellPlain({
  how = 'exact',
  quantity = quantities.volts as Quantity,
  values = [1, 2, 3, 4, 5],
  devices = 3,
}: Plan) {
  const events: TruthEvent[] = []
  const rows: StoryRow[] = []
  for (let device = 0; device < devices; device++) {
    const name = { site: 'here', device: `d-${device}` }
    const about = { ...name, clientId: name.device, profile: 'plain', gateway: null, quantities: [quantity] }
    events.push({ type: 'device', device, about })
    for (const [nth, value] of values.entries()) {
      const atMs = startMs + (nth + 1) * 10 * minute
      const time = { how, resolutionMs: 1 }
      const samples = [{ takenAtMs: atMs, values: [value] }]
      events.push({ type: 'report', device, nth, atMs, boot: null, time, samples, expect: 'stored' })
      events.push({ type: 'sent', device, nth, atMs: atMs + 1000 })
      events.push({ type: 'acknowledged', device, nth, atMs: atMs + 3000 })
      const timeMs = how === 'exact' ? atMs : how === 'arrival' ? atMs + 2000 : atMs + 1000
      const channel = quantity.channel
      if (quantity.kind !== 'counter') rows.push({ ...name, channel, timeMs, value })
      else if (nth > 0) {
        const added = (value as number) - (values[nth - 1] as number)
        const span = 2 ** (quantity.counterBits ?? 0)
        rows.push({
          ...name,
          channel,
          timeMs,
          value: (((added % span) + span) % span) * (quantity.resolution as number),
        })
      }
    }
  }
  events.push({ type: 'end', atMs: startMs + 2 * hour })
  return { events, rows }
}

async function verdict(
  { events, rows }: { events: TruthEvent[]; rows: StoryRow[] },
  quarantined?: Map<string, number>,
  alertWithinMs: number | null = null,
): Promise<Result> {
  await writeStory(path, events)
  return await verify({ path, stored: storedOf(rows, quarantined), alertWithinMs })
}

const none = Object.fromEntries(Object.keys(faultKinds).map((kind) => [kind, 0])) as { [kind in FaultKind]: number }
const only = (kind: FaultKind, count = 1) => ({ ...none, [kind]: count })
const hows = ['exact', 'age', 'reckoned', 'arrival'] as const

describe.each(hows)('oracle with times that are %s', (how) => {
  const plain = () => tellPlain({ how })
  const row = (rows: StoryRow[]) => rows.find((it) => it.device === 'd-1' && it.value === 3) as StoryRow
  const expectOnly = (result: Result, kind: FaultKind) => {
    expect(result.faults).toEqual(only(kind))
    expect(result.examples).toHaveLength(1)
    expect(result.examples[0]).toMatchObject({ kind, site: 'here', device: 'd-1', channel: 'voltage' })
    expect(toText(result)).toContain('here/d-1')
    expect(isRight(result)).toBe(false)
  }

  test('finds nothing when nothing is wrong', async () => {
    const result = await verdict(plain())
    expect(result.faults).toEqual(none)
    expect(result).toMatchObject({ devices: 3, reports: 15, readings: 15, rows: 15, hasEnded: true })
    expect(toText(result)).toContain('all right')
  })
  test('finds a lost reading when a row is missing', async () => {
    const { events, rows } = plain()
    rows.splice(rows.indexOf(row(rows)), 1)
    expectOnly(await verdict({ events, rows }), 'lost')
  })
  test('finds a duplicate when a row stands there twice', async () => {
    const { events, rows } = plain()
    rows.push({ ...row(rows), timeMs: row(rows).timeMs + 0.001 })
    expectOnly(await verdict({ events, rows }), 'duplicate')
  })
  test('finds a wrong value when one was altered', async () => {
    const { events, rows } = plain()
    row(rows).value = 3.0001
    const result = await verdict({ events, rows })
    expectOnly(result, 'wrong_value')
    expect(result.examples[0]?.given).toMatch(/^3.0001 at /)
    expect(result.examples[0]?.wanted).toMatch(/^3 at 2026-01-01T00:30:00.000Z/)
  })
  test('finds a wrong time when a row is shifted', async () => {
    const { events, rows } = plain()
    row(rows).timeMs += 5 * minute
    expectOnly(await verdict({ events, rows }), 'wrong_time')
  })
  test('finds an invented row when nobody measured it', async () => {
    const { events, rows } = plain()
    rows.push({ ...row(rows), timeMs: row(rows).timeMs + 3 * minute, value: 77 })
    expectOnly(await verdict({ events, rows }), 'invented')
  })
  test('finds the time wrong when it says that the row is earlier than it was measured', async () => {
    const { events, rows } = plain()
    row(rows).timeMs -= minute
    expectOnly(await verdict({ events, rows }), 'wrong_time')
  })
})

test('oracle sees a shift of 3 ms when times are exact', async () => {
  const { events, rows } = tellPlain({})
  ;(rows[2] as StoryRow).timeMs += 3
  expect((await verdict({ events, rows })).faults).toEqual(only('wrong_time'))
})

test('oracle takes no harm in 0.1 + 0.2 and none in texts and booleans that look like numbers', async () => {
  const { events, rows } = tellPlain({ values: [0.3, 1e-300, 0], devices: 1 })
  ;(rows[0] as StoryRow).value = 0.1 + 0.2
  expect((await verdict({ events, rows })).faults).toEqual(none)
  const texts = tellPlain({ quantity: quantities.words as Quantity, values: ['1', true, 'true', 'a'] })
  expect((await verdict(texts)).faults).toEqual(none)
  ;(texts.rows[0] as StoryRow).value = 1
  expect((await verdict(texts)).faults).toEqual(only('wrong_value'))
})

test('oracle finds readings swapped between two devices when values differ', async () => {
  const { events, rows } = tellPlain({ devices: 2 })
  const [a, b] = [rows[1] as StoryRow, rows[5] as StoryRow]
  ;[a.value, b.value] = [b.value, a.value]
  const result = await verdict({ events, rows })
  expect(result.faults).toEqual(only('wrong_value', 2))
  expect(result.worstDevices.map((it) => it.device).sort()).toEqual(['d-0', 'd-1'])
})

test('oracle finds a channel invented when the device has none of that name', async () => {
  const { events, rows } = tellPlain({})
  rows.push({ ...(rows[0] as StoryRow), channel: 'humidity' })
  const result = await verdict({ events, rows })
  expect(result.faults).toEqual(only('invented'))
  expect(result.examples[0]?.channel).toBe('humidity')
})

test('oracle leaves rows aside when they are older than the run', async () => {
  const { events, rows } = tellPlain({})
  rows.push({ ...(rows[0] as StoryRow), timeMs: startMs - hour, value: 99 })
  const result = await verdict({ events, rows })
  expect(result.faults).toEqual(none)
  expect(result.olderRows).toBe(1)
})

describe('oracle and what was not acknowledged', () => {
  const without = (events: TruthEvent[], ...types: Array<TruthEvent['type']>) =>
    events.filter((it) => !(types.includes(it.type) && 'nth' in it && it.device === 0 && it.nth === 2))

  test('takes it once or not at all when it was sent', async () => {
    const { events, rows } = tellPlain({ devices: 1 })
    const open = without(events, 'acknowledged')
    expect((await verdict({ events: open, rows })).faults).toEqual(none)
    expect((await verdict({ events: open, rows: rows.toSpliced(2, 1) })).faults).toEqual(none)
    expect((await verdict({ events: open, rows: [...rows, rows[2] as StoryRow] })).faults).toEqual(only('duplicate'))
    const altered = rows.map((it, i) => (i === 2 ? { ...it, value: 9 } : it))
    expect((await verdict({ events: open, rows: altered })).faults).toEqual(only('wrong_value'))
  })
  test('counts it as dropped when the device lost it, and no fault', async () => {
    const { events, rows } = tellPlain({ devices: 1 })
    const dropped: TruthEvent = { type: 'dropped', device: 0, nth: 2, atMs: startMs + hour, why: 'brown_out' }
    const open = [...without(events, 'acknowledged').slice(0, -1), dropped, ...events.slice(-1)]
    const result = await verdict({ events: open, rows: rows.toSpliced(2, 1) })
    expect(result.faults).toEqual(none)
    expect(result.fates).toEqual({ acknowledged: 4, dropped: 1, open: 0, quarantined: 0 })
  })
  test('calls it invented when it was never sent', async () => {
    const { events, rows } = tellPlain({ devices: 1 })
    const result = await verdict({ events: without(events, 'acknowledged', 'sent'), rows })
    expect(result.faults).toEqual(only('invented'))
  })
  test('gives the one row to the reading that must be there when another may be', async () => {
    const { events, rows } = tellPlain({ devices: 1, how: 'arrival', values: [1, 1] })
    const near = events.map((it) => ('atMs' in it && it.type !== 'end' ? { ...it, atMs: startMs + 1000 } : it))
    const open = near.filter((it) => !(it.type === 'acknowledged' && it.nth === 0))
    const one = [{ ...(rows[0] as StoryRow), timeMs: startMs + 1000 }]
    expect((await verdict({ events: open, rows: one })).faults).toEqual(none)
    expect((await verdict({ events: near, rows: one })).faults).toEqual(only('lost'))
  })
})

describe('oracle and the quarantine', () => {
  const broken = () => {
    const { events, rows } = tellPlain({ devices: 1 })
    const truncated = events.map((it) =>
      it.type === 'report' && it.nth === 2 ? { ...it, expect: 'quarantined' as const } : it,
    )
    return { events: truncated, rows: rows.toSpliced(2, 1) }
  }
  test('count a report there when it cannot be read', async () => {
    const result = await verdict(broken(), new Map([['d-0', 1]]))
    expect(result.faults).toEqual(none)
    expect(result.quarantine).toEqual({ expected: 1, found: 1 })
  })
  test('miss it when it is not there', async () => {
    expect((await verdict(broken(), new Map())).faults).toEqual(only('not_quarantined'))
  })
  test('call its reading invented when it stands in the store', async () => {
    const { rows } = tellPlain({ devices: 1 })
    expect((await verdict({ events: broken().events, rows })).faults).toEqual(only('invented'))
  })
})

describe('oracle and counters', () => {
  const quantity = quantities.tips as Quantity
  const values = [65_530, 65_533, 1, 1, 8]

  test('find nothing when what was added adds up over a wrap', async () => {
    expect((await verdict(tellPlain({ quantity, values }))).faults).toEqual(none)
  })
  test('find nothing when the device begins anew', async () => {
    const story = tellPlain({ quantity, values: [100, 105, 3, 4], devices: 1 })
    ;(story.rows[1] as StoryRow).value = 3 * 0.2
    expect((await verdict(story)).faults).toEqual(none)
    ;(story.rows[1] as StoryRow).value = (3 + 2 ** 16 - 105) * 0.2
    expect((await verdict(story)).faults).toEqual(only('counter'))
  })
  test('find nothing when a late reading added nothing and a later one all of it', async () => {
    const story = tellPlain({ quantity, values: [1, 2, 4, 9], devices: 1 })
    const [, middle, last] = story.rows as [StoryRow, StoryRow, StoryRow]
    last.value = (last.value as number) + (middle.value as number)
    expect((await verdict({ ...story, rows: story.rows.toSpliced(1, 1) })).faults).toEqual(none)
  })
  test('find a difference when rain was lost, altered or doubled', async () => {
    const { events, rows } = tellPlain({ quantity, values })
    expect((await verdict({ events, rows: rows.toSpliced(1, 1) })).faults).toEqual(only('counter'))
    const altered = rows.map((it, i) => (i === 1 ? { ...it, value: 1.2 } : it))
    expect((await verdict({ events, rows: altered })).faults).toEqual(only('counter'))
    const doubled = await verdict({ events, rows: [...rows, { ...(rows[3] as StoryRow) }] })
    expect(doubled.faults.counter).toBe(1)
  })
  test('find a row invented when no reading is near', async () => {
    const { events, rows } = tellPlain({ quantity, values })
    ;(rows[1] as StoryRow).timeMs += 5 * minute
    expect((await verdict({ events, rows })).faults).toEqual(only('invented'))
  })
})

test('oracle says so when lines of the truth cannot be read, and is content with a torn last one', async () => {
  const { events, rows } = tellPlain({})
  await writeStory(path, events)
  appendFileSync(path, '["s",0,')
  const torn = await verify({ path, stored: storedOf(rows), alertWithinMs: null })
  expect(torn.faults).toEqual(none)
  expect(toText(torn)).toContain('is torn')
  appendFileSync(path, '\n["s",0,\n')
  const bad = await verify({ path, stored: storedOf(rows), alertWithinMs: null })
  expect(bad.faults).toEqual(only('unreadable', 2))
})

test('oracle names the file and what it wanted when it is given something else', async () => {
  appendFileSync(path, 'hello\n')
  await expect(verify({ path, stored: storedOf([]), alertWithinMs: null })).rejects.toThrow(
    /truth.jsonl, line 1: "hello"/,
  )
})

const seeds = Array.from({ length: 12 }, () => Math.floor(Math.random() * 1e9))

describe.each(seeds)('oracle and the random story of seed %i', (seed) => {
  test('finds nothing when nothing is wrong', async () => {
    const story = tellStory(createRandom(seed), 12, 40)
    const result = await verdict(story, story.quarantined, minute)
    expect(result.examples).toEqual([])
    expect(result.faults).toEqual(none)
  })

  test('sees every change when rows are removed, doubled, altered, shifted or made up', async () => {
    const random = createRandom(seed + 1)
    const story = tellStory(random, 12, 40)
    const certain = story.rows.filter(({ device }) => !losesAcknowledgements(Number(device.slice(2))))
    const changes: { [name: string]: (row: StoryRow) => StoryRow[] } = {
      remove: () => [],
      double: (row) => [row, { ...row, timeMs: row.timeMs + 0.0001 }],
      alter: (row) => [{ ...row, value: typeof row.value === 'number' ? row.value + 0.7 : 'altered' }],
      shift: (row) => [{ ...row, timeMs: row.timeMs + 240 * hour }],
      invent: (row) => [row, { ...row, value: 4711 }],
    }
    for (const [name, change] of Object.entries(changes)) {
      const chosen = certain[random.below(certain.length)] as StoryRow
      const rows = story.rows.flatMap((row) => (row === chosen ? change(row) : [row]))
      const result = await verdict({ events: story.events, rows }, story.quarantined)
      const { site, device, channel } = chosen
      expect(result.examples.length, `seed ${seed}: ${name}`).toBeGreaterThan(0)
      for (const fault of result.examples)
        expect(fault, `seed ${seed}: ${name}`).toMatchObject({ site, device, channel })
    }
  })
})

test('report is one file without anything from elsewhere when faults are shown', async () => {
  const { events, rows } = tellPlain({
    quantity: quantities.words as Quantity,
    values: ['<script>alert(1)</script>', 'b'],
  })
  rows.splice(0, 1)
  const html = toHtml(await verdict({ events, rows }, new Map(), minute))
  expect(html).toContain('lost')
  expect(html).not.toContain('<script>')
  expect(html).not.toMatch(/(src|href)=|url\(|@import/)
  expect(html).toContain('prefers-color-scheme')
  expect(html.match(/<svg/g)?.length).toBeGreaterThanOrEqual(2)
})
