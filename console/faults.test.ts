/** Each missing report gets one fault, in the order in which evidence counts. */
import { expect, test } from 'vitest'
import { type CountedHour, createFaultFinder, type Evidence, faultNames } from './faults.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const hour = (expected: number, missing: number, at = 0): CountedHour => ({
  fromMs: at * hourMs,
  toMs: (at + 1) * hourMs,
  expected,
  missing,
})
const nothing: Evidence = { states: [], outages: [], rejectedAtMs: [], isNumbered: true }
const online = { fromMs: 0, toMs: hourMs, state: 'online' as const }
const none = { asleep: 0, network: 0, rejected: 0, us: 0, unknown: 0 }

test('a fault is the network when a numbered report of a known device got lost', () => {
  const find = createFaultFinder({ ...nothing, states: [online] })
  expect(find(hour(60, 7))).toEqual({ ...none, network: 7 })
})

test('a fault is unknown when nothing is known of the hour', () => {
  expect(createFaultFinder(nothing)(hour(60, 7))).toEqual({ ...none, unknown: 7 })
  expect(createFaultFinder({ ...nothing, isNumbered: false, states: [online] })(hour(60, 7))).toMatchObject({
    unknown: 7,
    network: 0,
  })
})

test('a fault is the network when an unnumbered report was due while the connection was broken', () => {
  const states = [
    { fromMs: 0, toMs: 50 * minuteMs, state: 'online' as const },
    { fromMs: 50 * minuteMs, toMs: hourMs, state: 'offline' as const },
  ]
  const find = createFaultFinder({ ...nothing, isNumbered: false, states })
  expect(find(hour(60, 12))).toEqual({ ...none, network: 10, unknown: 2 })
})

test('faults are ours for as many reports as were due while we were away', () => {
  const outages = [{ fromMs: 10 * minuteMs, toMs: 20 * minuteMs }]
  const find = createFaultFinder({ ...nothing, states: [online], outages })
  expect(find(hour(60, 12))).toEqual({ ...none, us: 10, network: 2 })
})

test('faults of a rejected message, an outage and sleep count one after the other', () => {
  const evidence: Evidence = {
    states: [
      { fromMs: 0, toMs: 30 * minuteMs, state: 'asleep' },
      { ...online, fromMs: 30 * minuteMs },
    ],
    outages: [{ fromMs: 40 * minuteMs, toMs: 50 * minuteMs }],
    rejectedAtMs: [35 * minuteMs, 36 * minuteMs, hourMs],
    isNumbered: true,
  }
  expect(createFaultFinder(evidence)(hour(12, 12))).toEqual({ asleep: 6, network: 2, rejected: 2, us: 2, unknown: 0 })
})

test('faults of an hour know nothing of another hour', () => {
  const evidence = {
    ...nothing,
    states: [{ fromMs: 0, toMs: 3 * hourMs, state: 'late' as const }],
    outages: [{ fromMs: hourMs, toMs: 2 * hourMs }],
    rejectedAtMs: [2 * hourMs],
  }
  const find = createFaultFinder(evidence)
  expect([0, 1, 2].map((at) => find(hour(4, 4, at)))).toEqual([
    { ...none, network: 4 },
    { ...none, us: 4 },
    { ...none, network: 3, rejected: 1 },
  ])
})

test('faults add up to what is missing whatever the evidence', () => {
  const seed = Date.now() % 2 ** 31
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let run = 0; run < 300; run++) {
    const edges = Array.from({ length: 6 }, () => random(4 * hourMs)).toSorted((a, b) => a - b) as number[]
    const spans = edges.slice(1).map((toMs, i) => ({ fromMs: edges[i] as number, toMs }))
    const words = ['never-seen', 'online', 'asleep', 'late', 'offline', 'lost'] as const
    const find = createFaultFinder({
      states: spans.map((span) => ({ ...span, state: words[random(6)] as (typeof words)[number] })),
      outages: spans.filter((_, i) => i % 2 === 0),
      rejectedAtMs: edges,
      isNumbered: random(2) === 0,
    })
    for (const at of [0, 1, 2, 3]) {
      const missing = random(50)
      const faults = find(hour(missing + random(50), missing, at))
      const values = faultNames.map((name) => faults[name])
      expect(
        values.reduce((a, b) => a + b),
        `seed ${seed}`,
      ).toBe(missing)
      expect(Math.min(...values), `seed ${seed}`).toBeGreaterThanOrEqual(0)
    }
  }
})
