/**
 * Liveness over a simulated fleet in virtual time, held against what was true of it; and that each of the checks sees what it is for. The full
 * size is bench/liveness-sim.ts.
 */
import { expect, onTestFinished, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { type SimOptions, type SimResult, simulateLiveness } from './liveness/run.ts'

const ci = { devices: 500, days: 6, busy: 5 }
const small = { seed: 2, devices: 250, days: 5, busy: 6 }

/** As long as the test lasts. */
function breakLimit(name: keyof typeof limits, value: number): void {
  const open = limits as { [name: string]: unknown }
  const before = open[name]
  open[name] = value
  onTestFinished(() => {
    open[name] = before
  })
}

const run = (options: Partial<SimOptions> = {}): Promise<SimResult> => simulateLiveness({ ...small, ...options })

test('nobody is called lost who was not, everybody lost is found in time, and one outage makes one alert', async () => {
  let alerts = 0
  let incidents = 0
  for (const seed of [1, 2, 3]) {
    const result = await simulateLiveness({ ...ci, seed })
    const { falseLost, notFound, falseAlerts, missed, knowable, overContract } = result
    expect({ seed, falseLost, notFound, falseAlerts, missed }).toEqual({
      ...{ seed, falseLost: [], notFound: [], falseAlerts: [], missed: 0 },
    })
    expect(knowable).toBeGreaterThan(20)
    // A fifth of the three intervals of the contract would be 0.6 of one.
    expect(overContract.at(-1), `seed ${seed}`).toBeLessThan(0.25)
    alerts += result.alerts
    incidents += knowable
  }
  expect(alerts / incidents).toBeLessThanOrEqual(1.1)
}, 180_000)

test('one seed gives one history', async () => {
  const [first, second] = [await run({ days: 3 }), await run({ days: 3 })]
  expect({ ...second, tookS: 0 }).toEqual({ ...first, tookS: 0 })
})

test('more alerts than outages are seen when the silence detective finds no wave', async () => {
  breakLimit('waveDevicesMin', Number.POSITIVE_INFINITY)
  expect((await run()).ratio).toBeGreaterThan(1.5)
})

test('devices called lost that were not are seen when the first missed report is enough', async () => {
  breakLimit('reportsMissedMax', 1)
  expect((await run()).falseLost.length).toBeGreaterThan(5)
})

test('lost devices that are not found are seen when too many missed reports are forgiven', async () => {
  breakLimit('reportsMissedMax', 5)
  const { notFound, overContract } = await run()
  expect(notFound.length + overContract.filter((it) => it > 0.25).length).toBeGreaterThan(5)
})

test('missed outages are seen when nobody is told', async () => {
  breakLimit('alertGraceMs', 366 * 86_400_000)
  expect((await run()).missed).toBeGreaterThan(5)
})

test('our own downtime is seen when it counts against devices', async () => {
  breakLimit('unwitnessedMsMax', Number.POSITIVE_INFINITY)
  const { falseLost, falseAlerts } = await run({ hidesRestarts: true })
  expect(falseLost.length + falseAlerts.length).toBeGreaterThan(5)
})
