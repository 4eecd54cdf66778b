/** Values, their absence and their completeness, held against the rules about them. */
import type { AlertRule } from '../../telemetry/alert.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'
import { deviceCaseKey, type Evidence, partsOf } from './case.ts'
import type { Cases } from './cases.ts'
import { changeWithin, type Extremes, type Hours, isBeyond, numberOf, shareWithin } from './measures.ts'
import type { Rules, ValueRule } from './rules.ts'
import { whyBeyond, whyIncomplete, whyNoData, whyRate } from './texts.ts'
import type { Timers } from './timers.ts'

export type Expected = { expected: number; received: number }

export type Watches = {
  values(name: DeviceName, values: readonly SightedValue[], atMs: number): void
  /** The device lives: what is said to send data is waited for from now on. */
  expectData(name: DeviceName, atMs: number): void
  noDataDue(key: string, atMs: number): void
  /** What is now known of the hour that begins at `hourMs`; it replaces what was. */
  completeness(name: DeviceName, hourMs: number, reports: Expected, atMs: number): void
  /** We did not listen for so long: it does not count as silence. */
  extend(byMs: number): void
  save(): SavedWatches
}

export type SavedWatches = {
  extremes: Array<[key: string, Extremes]>
  hours: Array<[key: string, Hours]>
  lastDataMs: Array<[key: string, timeMs: number]>
}

export function createWatches(
  saved: SavedWatches | null,
  rules: Rules,
  cases: Cases,
  timers: Timers,
  counters: Pick<Counters, 'alerts'>,
): Watches {
  const isKnown = ([key]: [string, unknown]) => rules.get(partsOf(key).rule) !== undefined
  const extremes = new Map(saved?.extremes.filter(isKnown))
  const hours = new Map(saved?.hours.filter(isKnown))
  const lastDataMs = new Map(saved?.lastDataMs.filter(isKnown))

  /** Null: too many are followed already. */
  function follow<Series>(all: Map<string, Series>, key: string, create: () => Series): Series | null {
    const known = all.get(key)
    if (known !== undefined) return known
    if (extremes.size + hours.size + lastDataMs.size >= limits.alertSeriesMax) {
      count(counters.alerts, 'seriesRefused')
      return null
    }
    const made = create()
    all.set(key, made)
    return made
  }

  function judge(rule: AlertRule, name: DeviceName, isTrue: boolean, evidence: () => Evidence, atMs: number): void {
    if (isTrue) cases.begin(rule, name, atMs, evidence())
    else cases.end(rule, name, atMs)
  }

  function takeValue(
    rule: ValueRule,
    name: DeviceName,
    { channel, unit, value, timeMs }: SightedValue,
    atMs: number,
  ): void {
    const number = numberOf(value)
    if (number === null) return
    const { condition } = rule
    const wasOn = cases.isOn(rule, name)
    const evidence = (shown: number, why: string) => (): Evidence => ({
      why,
      value: shown,
      unit,
      channel,
      deviceState: '',
    })
    if (condition.kind === 'threshold') {
      const why = whyBeyond(channel, condition, number, unit)
      judge(rule, name, isBeyond(condition, number, wasOn), evidence(number, why), atMs)
      return
    }
    const its = follow(extremes, deviceCaseKey(rule.name, name), () => [])
    const change = its === null ? null : changeWithin(its, condition.perMs, timeMs, number)
    if (change === null) return
    const { above, below, clear } = condition
    const rises =
      above !== null && isBeyond({ above, below: null, clear: below === null ? clear : null }, change.rise, wasOn)
    const falls =
      below !== null && isBeyond({ above: null, below, clear: above === null ? clear : null }, change.fall, wasOn)
    const shown = rises || !falls ? change.rise : change.fall
    judge(rule, name, rises || falls, evidence(shown, whyRate(channel, shown, unit, condition.perMs)), atMs)
  }

  function dataCame(name: DeviceName, channel: string, atMs: number): void {
    for (const rule of rules.ofNoData(name, channel)) {
      const key = deviceCaseKey(rule.name, name)
      if (follow(lastDataMs, key, () => atMs) === null) continue
      lastDataMs.set(key, atMs)
      // Set late rather than at each value: when it is due, it sees that there was one.
      if (!timers.has(`nodata ${key}`)) timers.set(`nodata ${key}`, atMs + rule.condition.forMs)
      cases.end(rule, name, atMs)
    }
  }

  return {
    values(name, values, atMs) {
      for (const value of values) {
        for (const rule of rules.ofChannel(name, value.channel)) takeValue(rule, name, value, atMs)
        dataCame(name, value.channel, atMs)
      }
    },
    expectData(name, atMs) {
      for (const rule of rules.ofNoData(name, null)) {
        const key = deviceCaseKey(rule.name, name)
        if (lastDataMs.has(key) || follow(lastDataMs, key, () => atMs) === null) continue
        timers.set(`nodata ${key}`, atMs + rule.condition.forMs)
      }
    },
    noDataDue(key, atMs) {
      const { rule: ruleName, name } = partsOf(key)
      const rule = rules.ofNoData(name, null).find((it) => it.name === ruleName)
      const last = lastDataMs.get(key)
      if (rule === undefined || last === undefined) return
      const { channel, forMs } = rule.condition
      if (last + forMs > atMs) {
        timers.set(`nodata ${key}`, last + forMs)
        return
      }
      const why = whyNoData(channel, forMs)
      cases.begin(rule, name, atMs, { why, value: null, unit: '', channel, deviceState: '' })
    },
    completeness(name, hourMs, reports, atMs) {
      for (const rule of rules.ofCompleteness(name)) {
        const { overMs, below, clear } = rule.condition
        const its = follow(hours, deviceCaseKey(rule.name, name), () => [])
        const sum = its === null ? null : shareWithin(its, overMs, hourMs, reports)
        if (sum === null) continue
        const share = sum.received / sum.expected
        const isHoley = isBeyond({ above: null, below, clear }, share, cases.isOn(rule, name))
        const why = whyIncomplete(sum.received, sum.expected, overMs)
        judge(rule, name, isHoley, () => ({ why, value: share, unit: '', channel: '', deviceState: '' }), atMs)
      }
    },
    extend(byMs) {
      for (const [key, last] of lastDataMs) lastDataMs.set(key, last + byMs)
    },
    save: () => ({ extremes: [...extremes], hours: [...hours], lastDataMs: [...lastDataMs] }),
  }
}
