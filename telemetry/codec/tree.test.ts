/** The tree through its JSON codec: layouts, payloads, and what becomes of them. */
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, type Reading, type Report } from '../reading.ts'
import { type TreeLayout, treeDefaults } from '../route.ts'
import { createJsonCodec } from './json.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (layout: Partial<TreeLayout>, payload: unknown) => {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return createJsonCodec({ ...treeDefaults, ...layout }).decode(Buffer.from(text), context)
}

type Short = [channel: string, value: number | string | boolean, base?: 'unix' | 'now' | 'boot', timeMs?: number]
const report = (readings: Short[], head: Partial<Report> = {}): Report => ({
  readings: readings.map<Reading>(([channel, value, timeBase, timeMs = 0]) => ({
    channel,
    value,
    unit: '',
    timeBase: timeBase ?? 'none',
    timeMs,
  })),
  ...head,
})

const t = 1_700_000_000
const ms = t * 1000

test.each<[string, Partial<TreeLayout>, unknown, Report[]]>([
  ['one value', {}, { v: 1.5 }, [report([['', 1.5]])]],
  [
    'one value with everything around it',
    {},
    { v: 1, t, seq: 7, boot: 2, sent: t + 1, next: 600 },
    [report([['', 1, 'unix', ms]], { sequence: 7, boot: 2, sentMs: ms + 1000, nextS: 600 })],
  ],
  ['null as not there', {}, { v: 1, t: null, seq: null }, [report([['', 1]])]],
  [
    'several values as channels named by their paths',
    { values: ['air.temp', 'air.hum', 'door', 'note', 'gone'] },
    { air: { temp: 21, hum: null }, door: true, note: 'open' },
    [
      report([
        ['air.temp', 21],
        ['door', true],
        ['note', 'open'],
      ]),
    ],
  ],
  ['the payload itself', { values: [''] }, '23.5', [report([['', 23.5]])]],
  [
    'the elements themselves',
    { values: [''] },
    [1, 2],
    [
      report([
        ['', 1],
        ['', 2],
      ]),
    ],
  ],
  [
    'rows as one report with what stands at the root',
    { each: 'data' },
    { seq: 3, t, data: [{ v: 1 }, { v: 2, t: t + 60 }] },
    [
      report(
        [
          ['', 1, 'unix', ms],
          ['', 2, 'unix', ms + 60_000],
        ],
        { sequence: 3 },
      ),
    ],
  ],
  [
    'rows with sequences as reports of their own',
    { each: 'data[]' },
    {
      boot: 4,
      seq: 9,
      data: [
        { v: 1, seq: 5 },
        { v: 2, seq: 6, boot: 3 },
      ],
    },
    [report([['', 1]], { sequence: 5, boot: 4 }), report([['', 2]], { sequence: 6, boot: 3 })],
  ],
  [
    "rows whose sequence is the root's as one report",
    { each: 'data', sequence: '$.seq' },
    { seq: 9, data: [{ v: 1, seq: 5 }, { v: 2 }] },
    [
      report(
        [
          ['', 1],
          ['', 2],
        ],
        { sequence: 9 },
      ),
    ],
  ],
  [
    'an array of pairs',
    { values: ['[1]'], time: '[0]' },
    [
      [t, 1],
      [t + 1, 2],
    ],
    [
      report([
        ['', 1, 'unix', ms],
        ['', 2, 'unix', ms + 1000],
      ]),
    ],
  ],
  ['an object in the place of rows', { each: 'data' }, { data: { v: 1 }, t }, [report([['', 1, 'unix', ms]])]],
  ['no rows', { each: 'data' }, { data: [] }, []],
  [
    'columns with a step',
    {},
    { v: [1, 2, 3], t, dt: 60, seq: 1 },
    [
      report(
        [
          ['', 1, 'unix', ms],
          ['', 2, 'unix', ms + 60_000],
          ['', 3, 'unix', ms + 120_000],
        ],
        { sequence: 1 },
      ),
    ],
  ],
  [
    'columns with a fixed step before now',
    { timeBase: 'now', step: 0.1, values: ['a', 'b'] },
    { a: [1, 2], b: [3, 4], t: -0.1 },
    [
      report([
        ['a', 1, 'now', -100],
        ['a', 2, 'now', 0],
        ['b', 3, 'now', -100],
        ['b', 4, 'now', 0],
      ]),
    ],
  ],
  [
    'columns with times, and gaps',
    {},
    { v: [1, null, 'x'], t: [t, t + 1, '2023-11-14T22:13:25Z'] },
    [
      report([
        ['', 1, 'unix', ms],
        ['', 'x', 'unix', ms + 5000],
      ]),
    ],
  ],
  [
    'columns without times',
    {},
    { v: [1, 2] },
    [
      report([
        ['', 1],
        ['', 2],
      ]),
    ],
  ],
  ['an empty column', {}, { v: [] }, [report([])]],
  [
    'deltas',
    { deltas: true },
    { v: [3700, 0, -2, 5] },
    [
      report([
        ['', 3700],
        ['', 3700],
        ['', 3698],
        ['', 3703],
      ]),
    ],
  ],
  [
    'values plucked out of rows',
    { values: ['m[].v'], time: 'm[].t' },
    {
      m: [
        { t, v: 1 },
        { t: t + 1, v: 2 },
      ],
    },
    [
      report([
        ['', 1, 'unix', ms],
        ['', 2, 'unix', ms + 1000],
      ]),
    ],
  ],
  [
    'uptimes',
    { timeBase: 'boot' },
    { v: 1, t: 12.5, sent: 13, boot: 1 },
    [report([['', 1, 'boot', 12_500]], { sentMs: 13_000, boot: 1 })],
  ],
  [
    'a step back',
    {},
    { v: [2, 1], t, dt: -1 },
    [
      report([
        ['', 2, 'unix', ms],
        ['', 1, 'unix', ms - 1000],
      ]),
    ],
  ],
  ['a key __proto__ beside the value', {}, '{"__proto__":{"t":5},"v":1}', [report([['', 1]])]],
])('tree reads %s', (_, layout, payload, reports) => {
  expect(decode(layout, payload)).toEqual(reports)
})

test.each<[string, Partial<TreeLayout>, unknown, string, string]>([
  ['is no JSON', {}, '{"v":', 'bad_payload', 'not JSON'],
  ['is empty', {}, '', 'bad_payload', 'not JSON'],
  ['nests deeply', {}, '['.repeat(200_000), 'bad_payload', 'not JSON'],
  ['lacks the elements', { each: 'data' }, {}, 'bad_payload', '"data" is missing'],
  ['lacks the value', {}, { x: 1 }, 'bad_value', 'no "v"'],
  ['holds a row without a value', {}, [{ v: 1 }, { t }], 'bad_value', 'element 1: no "v"'],
  ['is a scalar', {}, '5', 'bad_value', 'no "v"'],
  ['has a value that is too large', {}, '{"v":1e999}', 'bad_value', 'Infinity'],
  ['has an object as value', {}, { v: { w: 1 } }, 'bad_value', 'an object'],
  ['has an array in a batch', {}, { v: [1, [2]] }, 'bad_value', 'an array of 1'],
  ['has a long text', {}, { v: 'x'.repeat(limits.valueCharsMax + 1) }, 'bad_value', '1025 characters'],
  ['has a wrong time', {}, { v: 1, t: 'soon' }, 'bad_time', '"t" is "soon"'],
  ['is from the future of now', { timeBase: 'now' }, { v: 1, t: 30 }, 'bad_time', '0 or a negative'],
  ['was before its boot', { timeBase: 'boot' }, { v: 1, t: -1 }, 'bad_time', '"t" is -1'],
  ['was sent at no time', {}, { v: 1, sent: 'x' }, 'bad_time', '"sent"'],
  ['has times and values of two lengths', {}, { v: [1, 2], t: [t] }, 'bad_time', '2 values and "t" 1 times'],
  ['has many times for one value', {}, { v: 1, t: [t] }, 'bad_time', 'one time'],
  ['has a wrong time among many', {}, { v: [1, 2], t: [t, null] }, 'bad_time', '"t" is null'],
  ['has a first time and no step', {}, { v: [1, 2], t }, 'bad_time', '"dt" is missing'],
  ['steps beyond now', { timeBase: 'now' }, { v: [1, 2], t: -1, dt: 2 }, 'bad_time', 'leave the range'],
  ['has a delta that is text', { deltas: true }, { v: [1, 'x'] }, 'bad_value', '"v"'],
  ['has a gap in deltas', { deltas: true }, { v: [1, null] }, 'bad_value', '"v" is null'],
  ['has a broken sequence', {}, { v: 1, seq: 1.5 }, 'bad_sequence', '"seq" is 1.5'],
  ['has a negative boot', {}, { v: 1, boot: -1 }, 'bad_sequence', '"boot" is -1'],
  ['reports again never', {}, { v: 1, next: 0 }, 'bad_time', '"next" is 0'],
  [
    'holds too many readings',
    {},
    { v: Array(limits.readingsPerMessageMax + 1).fill(1) },
    'bad_payload',
    'more than 10000',
  ],
  [
    'holds too many rows',
    { values: [''] },
    Array(limits.readingsPerMessageMax + 1).fill(1),
    'bad_payload',
    'more than 10000',
  ],
  [
    'holds too many over many reports',
    {},
    Array.from({ length: 11 }, (_, seq) => ({ seq, v: Array(1000).fill(1) })),
    'bad_payload',
    'more than 10000',
  ],
])('tree names the problem when the payload %s', (_, layout, payload, code, detail) => {
  expect(decode(layout, payload)).toEqual({ code, detail: expect.stringContaining(detail) })
})

test('tree walks a long array at the root once, however many elements look for it', () => {
  const layout = { each: 'rows', values: ['$.list[].in[]', 'v'], time: 'list[].t' }
  const payload = JSON.stringify({ list: Array(20_000).fill({ in: [] }), rows: Array(9_000).fill({ v: [] }) })
  const begun = performance.now()
  expect(decode(layout, payload)).toMatchObject({ code: 'bad_time' })
  expect(decode({ ...layout, time: '' }, payload)).toEqual([{ readings: [] }])
  // Walking it each time takes seconds.
  expect(performance.now() - begun).toBeLessThan(1000)
})

test('json refuses a payload that is not UTF-8', () => {
  const payload = Buffer.from('7b2276223a22ff227d', 'hex')
  expect(createJsonCodec(treeDefaults).decode(payload, context)).toMatchObject({ code: 'bad_payload' })
})

test('json refuses a layout with a path that cannot be read', () => {
  expect(() => createJsonCodec({ ...treeDefaults, values: ['a..b'] })).toThrow('path "a..b"')
})

const written = (layout: Partial<TreeLayout>, reports: Report[]) =>
  createJsonCodec({ ...treeDefaults, ...layout })
    .encode(reports)
    .toString()

test('json writes columns with a step when one report holds a batch of one channel', () => {
  const batch = report(
    [
      ['', 1, 'unix', ms],
      ['', 2, 'unix', ms + 60_000],
    ],
    { sequence: 7 },
  )
  expect(written({}, [batch])).toBe(`{"v":[1,2],"t":${ms},"dt":60,"seq":7}`)
  expect(written({ deltas: true, step: 60 }, [batch])).toBe(`{"v":[1,1],"t":${ms},"seq":7}`)
})

test('json writes rows when reports are many, or channels', () => {
  const reports = [report([['', 1]], { sequence: 1 }), report([['', 2]], { sequence: 2 })]
  expect(written({}, reports)).toBe('[{"v":1,"seq":1},{"v":2,"seq":2}]')
  const rows = report(
    [
      ['a', 1, 'now', -1000],
      ['b', 2, 'now', -1000],
      ['a', 3, 'now', 0],
    ],
    { sequence: 1 },
  )
  const layout: Partial<TreeLayout> = { values: ['a', 'b'], timeBase: 'now', each: 'd' }
  expect(written(layout, [rows])).toBe('{"seq":1,"d":[{"a":1,"b":2,"t":-1},{"a":3,"t":0}]}')
})

test('json writes columns of several channels when the root itself is the element', () => {
  const rows = report(
    [
      ['a', 1, 'unix', ms],
      ['b', 2, 'unix', ms],
      ['a', 3, 'unix', ms + 70_000],
      ['a', 4, 'unix', ms + 90_000],
    ],
    { sequence: 1 },
  )
  const times = `[${ms},${ms + 70_000},${ms + 90_000}]`
  expect(written({ values: ['a', 'b'] }, [rows])).toBe(`{"a":[1,3,4],"b":[2,null,null],"t":${times},"seq":1}`)
})

test.each<[string, Partial<TreeLayout>, Report[]]>([
  ['a channel has no path', {}, [report([['x', 1]])]],
  ['the time has another base', {}, [report([['', 1, 'boot', 1]])]],
  ['there is no place for a sequence', { sequence: '' }, [report([['', 1]], { sequence: 1 })]],
  ['there is no place for a time', { time: '' }, [report([['', 1, 'unix', ms]])]],
  ['reports have no sequence', {}, [report([['', 1]]), report([['', 2]])]],
  ['a report has no readings', {}, [report([])]],
  [
    'deltas are not exact',
    { deltas: true },
    [
      report([
        ['', 0.1],
        ['', 1e17],
        ['', 0.3],
      ]),
    ],
  ],
  ['a reading has a unit', {}, [{ readings: [{ channel: '', value: 1, unit: 'V', timeBase: 'none', timeMs: 0 }] }]],
])('json throws when %s', (_, layout, reports) => {
  expect(() => written(layout, reports)).toThrow()
})
