/** What must hold between the values of alerts and notifiers. */

import type { Sound } from '../telemetry/settings/check.ts'
import { nearest, type Problems } from '../telemetry/settings/problems.ts'
import type { FileAlerts } from './alert-schema.ts'
import { dateMs } from './date.ts'
import type { ConfigFile } from './schema.ts'

type SoundRule = NonNullable<NonNullable<Sound<FileAlerts>['rules']>[number]>
type SoundWhen = NonNullable<SoundRule['when']>
type Key = keyof SoundWhen

/** The keys of which one says what kind of condition it is, and those that go with it. */
const kinds: Array<[kind: Key, others: Key[]]> = [
  ['state', []],
  ['completeness', ['below', 'clear']],
  ['noData', ['channel']],
  ['channel', ['above', 'below', 'clear', 'rate']],
]

export function checkAlerts({ alerts, notifiers }: Sound<ConfigFile>, problems: Problems): void {
  if (alerts === undefined) return
  const names = notifiers === undefined ? null : Object.keys(notifiers)
  const takenBy = new Map<string, number>()
  for (const [i, rule] of (alerts.rules ?? []).entries()) {
    if (rule === undefined) continue
    const path = `alerts.rules[${i}]`
    const first = rule.name === undefined ? undefined : takenBy.get(rule.name)
    if (rule.name !== undefined && first !== undefined) {
      const given = problems.given(`${path}.name`, rule.name, false)
      problems.add(`${path}.name`, `${given} is the name of alerts.rules[${first}] already`)
    } else if (rule.name !== undefined) takenBy.set(rule.name, i)
    if (rule.when !== undefined) checkWhen(rule.when, `${path}.when`, problems)
    checkNames(rule.notify, `${path}.notify`, names, problems)
    checkNames(rule.escalate?.notify, `${path}.escalate.notify`, names, problems)
  }
  for (const [i, window] of (alerts.maintenance ?? []).entries()) {
    const fromMs = dateMs(window?.from ?? '')
    const toMs = dateMs(window?.to ?? '')
    if (fromMs === null || toMs === null || toMs > fromMs) continue
    const path = `alerts.maintenance[${i}].to`
    problems.add(path, `${problems.given(path, window?.to ?? '', false)} is not after from`)
  }
}

function checkWhen(when: SoundWhen, path: string, problems: Problems): void {
  const [kind, others] = kinds.find(([key]) => key in when) ?? []
  if (kind === undefined || others === undefined) {
    problems.add(path, 'says no condition, one of state, channel, completeness, noData wanted')
    return
  }
  for (const key of Object.keys(when) as Key[]) {
    if (key !== kind && !others.includes(key)) problems.add(`${path}.${key}`, `does not go with ${kind}`)
  }
  if (kind === 'completeness') checkCompleteness(when, path, problems)
  if (kind === 'channel') checkThreshold(when, path, problems)
}

function checkCompleteness({ below, clear, ...when }: SoundWhen, path: string, problems: Problems): void {
  if (below === undefined && !('below' in when)) {
    problems.add(path, 'says no threshold, below wanted, for example below: 0.9')
  }
  for (const [key, value] of Object.entries({ below, clear })) {
    if (value === undefined || (value >= 0 && value <= 1)) continue
    problems.add(
      `${path}.${key}`,
      `${problems.given(`${path}.${key}`, value, false)} given, a number from 0 to 1 wanted`,
    )
  }
  checkClear(null, below ?? null, clear, path, problems)
}

function checkThreshold(when: SoundWhen, path: string, problems: Problems): void {
  const isAbove = 'above' in when
  if (isAbove && 'below' in when) problems.add(`${path}.below`, 'does not go with above, one of them wanted')
  else if (!isAbove && !('below' in when)) problems.add(path, 'says no threshold, above or below wanted')
  else checkClear(when.above ?? null, when.below ?? null, when.clear, path, problems)
}

/** An alert that ends beyond its threshold would end as it begins. */
function checkClear(
  above: number | null,
  below: number | null,
  clear: number | undefined,
  path: string,
  problems: Problems,
): void {
  const isWrong = clear !== undefined && ((above !== null && clear > above) || (below !== null && clear < below))
  if (!isWrong) return
  const wanted =
    above === null
      ? `${below} or more, since the alert begins below it`
      : `${above} or less, since the alert begins above it`
  const isShown = problems.isAllShown(path)
  problems.add(
    `${path}.clear`,
    `${problems.given(`${path}.clear`, clear, false)} given, ${isShown ? wanted : 'the other side of the threshold'} wanted`,
  )
}

function checkNames(
  given: Array<string | undefined> | undefined,
  path: string,
  known: string[] | null,
  problems: Problems,
): void {
  if (known === null) return
  for (const [i, name] of (given ?? []).entries()) {
    if (name === undefined || known.includes(name)) continue
    const near = nearest(name, known)
    const isShown = problems.isShown(`${path}[${i}]`)
    const others = known.length === 0 ? 'there are none' : `known are ${known.join(', ')}`
    const hint = near === null || !isShown ? others : `did you mean "${near}"?`
    problems.add(`${path}[${i}]`, `${problems.given(`${path}[${i}]`, name, false)} is no notifier, ${hint}`)
  }
}
