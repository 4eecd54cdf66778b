import { expect, test } from 'vitest'
import type { Value } from '../../telemetry/reading.ts'
import type { FaultName, FaultPlan } from '../profile.ts'
import { createRandom } from '../random.ts'
import type { Quantity, Sensor } from '../sensor.ts'
import { createEpisodes } from './episodes.ts'
import { withFaults } from './faults.ts'

const startMs = 1_800_000_000_000
const gauge: Quantity = { channel: 'temperature', unit: 'Cel', resolution: 0.1, kind: 'gauge' }
const increment: Quantity = { channel: 'rainfall', unit: 'mm', resolution: 0.2, kind: 'increment' }
const counter: Quantity = { channel: 'tips', unit: 'mm', resolution: 0.2, kind: 'counter', counterBits: 16 }
const text: Quantity = { channel: 'caption', unit: '', resolution: null, kind: 'text' }

/** Minute by minute: a rising temperature, a tip, a counter near its end, a text. */
const sensor = (): Sensor => ({
  quantities: [gauge, increment, counter, text],
  sample(nowMs) {
    const minute = (nowMs - startMs) / 60_000
    return [20 + minute / 10, 0.2, (65_530 + minute) % 65_536, `line ${minute}`]
  },
})
const plan = (fault: FaultName, part: Partial<FaultPlan> = {}): FaultPlan => ({
  fault,
  share: 1,
  perDay: null,
  atS: 300,
  lastsS: 300,
  amount: 0,
  ...part,
})
const run = (plans: FaultPlan[], minutes = 15): Value[][] => {
  const faulty = withFaults(sensor(), plans, createRandom(1), startMs)
  return Array.from({ length: minutes }, (_, minute) => faulty.sample(startMs + minute * 60_000))
}
const healthy = run([])
const column = (rows: Value[][], at: number) => rows.map((row) => row[at])

test('sensor says what it said when only other parts of the device break', () => {
  expect(run([plan('reboot'), plan('clock-1970'), plan('twin')])).toEqual(healthy)
})

test('sensor holds its sample, and a gauge adds nothing, while it is stuck', () => {
  const stuck = run([plan('stuck')])
  expect(stuck.slice(0, 5)).toEqual(healthy.slice(0, 5))
  expect(stuck.slice(10)).toEqual(healthy.slice(10))
  for (const row of stuck.slice(5, 10)) expect(row).toEqual([20.5, 0, 65_535, 'line 5'])
})

test('sensor says codes while it spikes, in one sample when the spike lasts no time', () => {
  const codes = new Set(column(run([plan('spike', { lastsS: 0, atS: 0, perDay: 1440 })], 500), 0))
  for (const code of [0, 6553.5, -127, 85]) expect(codes).toContain(code)
  const once = run([plan('spike', { lastsS: 0, atS: 290 })])
  const different = once.flatMap((row, i) => (row[0] === healthy[i]?.[0] ? [] : [i]))
  expect(different).toEqual([5])
  expect(column(once, 2)).toEqual(column(healthy, 2))
  expect([0, 13_107]).toContain(once[5]?.[1])
})

test('gauge drifts by the hour from the begin of the fault, in steps of its resolution', () => {
  const drifted = column(run([plan('drift', { amount: -60, lastsS: 0 })]), 0)
  expect(drifted.slice(4, 8)).toEqual([20.4, 20.5, 19.6, 18.7])
})

test('gauge and increment are multiplied, and counter and text are not, when the gain is wrong', () => {
  const [row] = run([plan('gain', { amount: 1.5, atS: 0 })])
  expect(row).toEqual([30, 0.4, 65_530, 'line 0'])
})

test('counter begins anew at 0 when it is reset, and wraps as far behind as before', () => {
  const reset = column(run([plan('counter-reset', { atS: 180 })], 70_000), 2) as number[]
  expect(reset.slice(0, 5)).toEqual([65_530, 65_531, 65_532, 0, 1])
  expect(reset.slice(3 + 65_535, 3 + 65_538)).toEqual([65_535, 0, 1])
})

test('a NaN stays a NaN through all faults', () => {
  const broken: Sensor = { quantities: [gauge], sample: () => [Number.NaN] }
  const faulty = withFaults(
    broken,
    [plan('drift', { atS: 0 }), plan('gain', { atS: 0, amount: 2 })],
    createRandom(1),
    startMs,
  )
  expect(faulty.sample(startMs)).toEqual([Number.NaN])
})

test('episodes come as often, and last as long, as planned when they come by chance', () => {
  const isThere = createEpisodes({ perDay: 4, atS: null, lastsS: 600 }, false, createRandom(3), startMs)
  const begins = new Set<number>()
  let minutes = 0
  const days = 400
  for (let minute = 0; minute < days * 1440; minute++) {
    const beganMs = isThere(startMs + minute * 60_000)
    if (beganMs === null) continue
    minutes++
    begins.add(beganMs)
  }
  expect(begins.size / days).toBeGreaterThan(3.5)
  expect(begins.size / days).toBeLessThan(4.5)
  expect(minutes / begins.size).toBeCloseTo(10, 0)
})

test('episodes never come when they come 0 times a day', () => {
  for (const isMoment of [true, false]) {
    const isThere = createEpisodes({ perDay: 0, atS: null, lastsS: 0 }, isMoment, createRandom(3), startMs)
    expect(isThere(startMs + 1e12)).toBe(null)
  }
})
