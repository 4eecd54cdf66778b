/** The life of a case: true, true for long enough, looked at for others like it, told, over. */
import type { AlertRule } from '../../telemetry/alert.ts'
import { type Counters, count } from '../../telemetry/counters.ts'
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Case, createCase, deviceCaseKey, deviceOf, type Evidence, toAlert } from './case.ts'
import type { Flapping } from './flapping.ts'
import type { Groups } from './groups.ts'
import type { History } from './history.ts'
import type { Rules } from './rules.ts'
import { isSilent, type Silence } from './silence.ts'
import type { Telling } from './telling.ts'
import type { Timers } from './timers.ts'

export type Cases = {
  /** The condition is true; said again, it says what is known of it now. */
  begin(
    rule: AlertRule,
    name: DeviceName,
    atMs: number,
    evidence: Evidence,
    from?: { sinceMs: number; intervalMs: number; isCut: boolean },
  ): void
  /** It is not, or not any more. */
  end(rule: AlertRule, name: DeviceName, atMs: number): void
  isOn(rule: AlertRule, name: DeviceName): boolean
  /** True for long enough, or waited for long enough. */
  fireDue(it: Case, rule: AlertRule, atMs: number): void
  /** What kept it from being told is over. */
  tellNow(it: Case, rule: AlertRule, atMs: number): void
  /** Neither came nor went for the window. */
  quiet(it: Case, rule: AlertRule, atMs: number): void
  /** Over whatever its condition says: its rule is gone. */
  resolve(it: Case, rule: AlertRule, atMs: number): void
}

export function createCases(options: {
  /** By key; changed here and by groups only. */
  cases: Map<string, Case>
  rules: Rules
  timers: Timers
  silence: Silence
  groups: Groups
  flapping: Flapping
  telling: Telling
  history: History
  counters: Pick<Counters, 'alerts'>
}): Cases {
  const { cases, rules, timers, silence, groups, flapping, telling, history, counters } = options

  function begin(
    rule: AlertRule,
    name: DeviceName,
    atMs: number,
    evidence: Evidence,
    { sinceMs, intervalMs, isCut } = { sinceMs: atMs, intervalMs: 0, isCut: false },
  ): void {
    const key = deviceCaseKey(rule.name, name)
    let it = cases.get(key)
    if (it !== undefined) {
      Object.assign(it, evidence)
      if (it.holds) return
      it.holds = true
    } else {
      if (cases.size >= limits.alertsStandingMax) {
        count(counters.alerts, 'refused')
        return
      }
      it = createCase(key, rule.name, { kind: 'device', ...name }, sinceMs, evidence)
      cases.set(key, it)
    }
    it.intervalMs = intervalMs
    it.isCut = isCut
    const graceMs = evidence.deviceState !== '' && isSilent(evidence.deviceState) ? limits.alertGraceMs : 0
    const waitMs = Math.max(rule.forMs, graceMs)
    if (waitMs === 0) fireDue(it, rule, atMs)
    else timers.set(`fire ${key}`, atMs + waitMs)
  }

  function end(rule: AlertRule, name: DeviceName, atMs: number): void {
    const it = cases.get(deviceCaseKey(rule.name, name))
    if (it?.holds === true) over(it, rule, atMs)
  }

  function over(it: Case, rule: AlertRule, atMs: number): void {
    const hadNotFired =
      timers.has(`fire ${it.key}`) && it.groupKey === null && (it.firedAtMs === null || it.flapping !== null)
    it.holds = false
    timers.cancel(`fire ${it.key}`)
    if (it.flapping !== null) {
      if (hadNotFired) return
      timers.set(`quiet ${it.key}`, atMs + limits.flapWindowMs)
      telling.changed(it, rule, atMs)
    } else if (it.firedAtMs === null) cases.delete(it.key)
    else resolve(it, rule, atMs)
  }

  function resolve(it: Case, rule: AlertRule, atMs: number): void {
    it.resolvedAtMs = atMs
    cases.delete(it.key)
    for (const kind of ['fire', 'tell', 'escalate', 'remind', 'quiet']) timers.cancel(`${kind} ${it.key}`)
    groups.dissolve(it, atMs)
    telling.resolved(it, rule, atMs)
    // Of a group's devices the group's alert speaks.
    if (it.suppressed !== 'group') history.resolved(toAlert(it, rule, null))
    const group = groups.leave(it)
    if (group === null) return
    groups.dissolve(group, atMs)
    // A rule about missing data may have joined the group of another one.
    over(group, rules.get(group.rule) ?? rule, atMs)
  }

  function fireDue(it: Case, rule: AlertRule, atMs: number): void {
    const name = deviceOf(it.subject)
    const mayBeWave = rule.condition.kind === 'state' || rule.condition.kind === 'no-data'
    if (name === null || !mayBeWave || it.flapping !== null || telling.silencedBy(it, rule, atMs) !== null) {
      fire(it, rule, atMs)
      return
    }
    it.heldSinceMs ??= atMs
    const heldMs = atMs - it.heldSinceMs
    const growing = it.isCut ? silence.isBreaking(name, atMs) : silence.isGrowing(name, atMs)
    // A silence that was noticed late is noticed of others later still: a minute more is little, and makes one alert of many.
    const mayBeFirst = !it.isCut && it.deviceState !== '' && silence.hasPeers(name)
    if (silence.waveOf(name) !== null) it.waveSinceMs ??= atMs
    // A wave that still grows is told of when it is known how far it goes.
    const isOpen = growing === 'fast' && atMs - (it.waveSinceMs ?? atMs) < limits.waveSettleMsMax
    const found = groups.groupFor(it, rule, atMs, !isOpen)
    if (found !== null) joinGroup(it, found.group, found.isNew, rule, atMs)
    else if ((growing !== null || mayBeFirst) && heldMs < limits.waveHoldMsMax) {
      // Longer each time, so that a wave of very many costs little.
      const waitMs = Math.max(limits.waveWaitMs, Math.floor(heldMs / 2))
      timers.set(`fire ${it.key}`, atMs + Math.min(waitMs, limits.waveHoldMsMax - heldMs))
    } else fire(it, rule, atMs)
  }

  function joinGroup(it: Case, group: Case, isNew: boolean, rule: AlertRule, atMs: number): void {
    const others = isNew ? groups.waitingFor(group, rule).filter((other) => other !== it) : []
    for (const member of [it, ...others]) {
      groups.join(member, group)
      member.firedAtMs ??= atMs
      timers.cancel(`fire ${member.key}`)
    }
    if (isNew) {
      cases.set(group.key, group)
      group.holds = true
      fire(group, rule, atMs)
    }
    for (const member of [it, ...others]) telling.fired(member, rule, atMs, 'group')
  }

  function fire(it: Case, rule: AlertRule, atMs: number): void {
    if (it.firedAtMs === null || it.flapping !== null) {
      const fires = flapping.fired(it.key, atMs)
      timers.set(`forget ${it.key}`, atMs + limits.flapWindowMs)
      const wasFlapping = it.flapping !== null
      if (wasFlapping || fires > limits.flapTimes) {
        it.flapping = { fires }
        timers.set(`quiet ${it.key}`, atMs + limits.flapWindowMs)
      }
      if (wasFlapping) {
        telling.changed(it, rule, atMs)
        return
      }
    }
    it.firedAtMs ??= atMs
    telling.fired(it, rule, atMs)
  }

  return {
    begin,
    end,
    resolve,
    fireDue,
    isOn: (rule, name) => cases.get(deviceCaseKey(rule.name, name))?.holds === true,
    tellNow(it, rule, atMs) {
      if (it.firedAtMs === null || it.isTold || it.suppressed === 'group' || !it.holds) return
      if (it.flapping !== null || it.subject.kind === 'group') telling.fired(it, rule, atMs)
      else fireDue(it, rule, atMs)
    },
    quiet(it, rule, atMs) {
      if (it.holds) {
        it.flapping = null
        telling.changed(it, rule, atMs)
      } else resolve(it, rule, atMs)
    },
  }
}
