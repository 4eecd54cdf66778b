/** Cases that one group alert tells of. It is over when most of them are; those that stay away then get time, and their own alert. */
import type { AlertRule } from '../../telemetry/alert.ts'
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Case, createCase, deviceCaseKey, deviceOf, groupCaseKey } from './case.ts'
import { concerns, type Rules } from './rules.ts'
import type { Silence, Wave } from './silence.ts'
import { whyGroup } from './texts.ts'
import type { Timers } from './timers.ts'

export type Groups = {
  /** The standing group that the case belongs to, or if it may the one that its wave makes; null: it stands alone. */
  groupFor(it: Case, rule: AlertRule, atMs: number, mayMake: boolean): { group: Case; isNew: boolean } | null
  /** Cases of the rule that the new group tells of: those that were told already, or wait to be. */
  waitingFor(group: Case, rule: AlertRule): Case[]
  join(it: Case, group: Case): void
  /** Answers the group when it is over by that. */
  leave(it: Case): Case | null
  /** The group is over: its remaining members stand alone from now on. */
  dissolve(group: Case, atMs: number): void
}

export function createGroups(cases: Map<string, Case>, rules: Rules, silence: Silence, timers: Timers): Groups {
  /** A rule about states makes groups of its own; one about missing data only joins, whatever rule told of the outage. */
  function standingGroup(name: DeviceName, rule: AlertRule): Case | null {
    const names = rule.condition.kind === 'state' ? [rule.name] : rules.ofState(name).map((its) => its.name)
    for (const [factor, value] of silence.sharedBy(name))
      for (const its of names) {
        const group = cases.get(groupCaseKey(its, factor, value))
        if (group !== undefined && group.members.size > 0) return group
      }
    return null
  }

  /** The first devices of the wave that the rule is about. */
  function concerned(rule: AlertRule, wave: Wave, max: number): DeviceName[] {
    const found: DeviceName[] = []
    for (const key of silence.devicesOf(wave)) {
      const name = nameOf(key)
      if (concerns(rule, name)) found.push(name)
      if (found.length === max) break
    }
    return found
  }

  function createGroup(rule: AlertRule, wave: Wave, beganAtMs: number): Case {
    const { factor, name, silent, of } = wave
    const key = groupCaseKey(rule.name, factor, name)
    const evidence = { why: '', value: null, unit: '', channel: '', deviceState: '' as const }
    // One that flaps stays while nothing is silent.
    const group =
      cases.get(key) ?? createCase(key, rule.name, { kind: 'group', factor, name, silent, of }, beganAtMs, evidence)
    describe(group, wave)
    group.devices = concerned(rule, wave, limits.alertDevicesMax)
    return group
  }

  function describe(group: Case, { factor, name, silent, of }: Wave): void {
    group.subject = { kind: 'group', factor, name, silent, of }
    group.value = silent
    group.why = whyGroup(silent, of)
  }

  return {
    groupFor(it, rule, atMs, mayMake) {
      const name = deviceOf(it.subject)
      if (name === null) return null
      const standing = standingGroup(name, rule)
      if (standing !== null) return { group: standing, isNew: false }
      const wave = mayMake && rule.condition.kind === 'state' ? silence.waveOf(name) : null
      return wave === null || concerned(rule, wave, limits.waveDevicesMin).length < limits.waveDevicesMin
        ? null
        : { group: createGroup(rule, wave, Math.min(it.beganAtMs, atMs)), isNew: true }
    },
    waitingFor(group, rule) {
      const { subject } = group
      if (subject.kind !== 'group') return []
      return [...silence.devicesOf(subject)]
        .map((key) => cases.get(deviceCaseKey(rule.name, nameOf(key))))
        .filter((it) => it !== undefined)
        .filter((it) => it.groupKey === null && it.flapping === null)
        .filter((it) => it.isTold || (it.firedAtMs === null && it.heldSinceMs !== null))
    },
    join(it, group) {
      it.groupKey = group.key
      group.members.add(it.key)
      group.membersMost = Math.max(group.membersMost, group.members.size)
      const name = deviceOf(it.subject)
      if (name === null || group.subject.kind !== 'group') return
      const isNamed = group.devices.some(({ site, device }) => site === name.site && device === name.device)
      if (!isNamed && group.devices.length < limits.alertDevicesMax) group.devices.push(name)
      // Told as it was at its worst.
      const size = silence.sizeOf(group.subject.factor, group.subject.name)
      if (size.silent > group.subject.silent) describe(group, { ...group.subject, ...size })
    },
    leave(it) {
      const group = it.groupKey === null ? undefined : cases.get(it.groupKey)
      it.groupKey = null
      if (group === undefined || !group.members.delete(it.key)) return null
      return 2 * group.members.size < group.membersMost ? group : null
    },
    dissolve(group, atMs) {
      for (const key of group.members) {
        const member = cases.get(key)
        if (member === undefined) continue
        member.groupKey = null
        member.heldSinceMs = null
        member.waveSinceMs = null
        const restMs = Math.max(limits.groupRestMs, Math.ceil(1.2 * member.intervalMs))
        if (!member.isTold) timers.set(`fire ${key}`, atMs + restMs)
      }
      group.members.clear()
      group.membersMost = 0
    },
  }
}

/** Of a deviceKey(). */
function nameOf(key: string): DeviceName {
  const slash = key.indexOf('/')
  return { site: key.slice(0, slash), device: key.slice(slash + 1) }
}
