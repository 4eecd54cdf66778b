/** Rules by what can make them true, so that a record costs those only that it can concern. */
import type { AlertCondition, AlertRule } from '../../telemetry/alert.ts'
import type { DeviceName } from '../../telemetry/device.ts'

export type Kind = AlertCondition['kind']
export type RuleOf<K extends Kind> = AlertRule & { condition: Extract<AlertCondition, { kind: K }> }
export type ValueRule = RuleOf<'threshold'> | RuleOf<'rate'>

export type Rules = {
  get(name: string): AlertRule | undefined
  ofState(name: DeviceName): Array<RuleOf<'state'>>
  ofChannel(name: DeviceName, channel: string): ValueRule[]
  ofCompleteness(name: DeviceName): Array<RuleOf<'completeness'>>
  /** Those that wait for any value, or for one of the channel; null: all of them. */
  ofNoData(name: DeviceName, channel: string | null): Array<RuleOf<'no-data'>>
  /** Whether any rule asks for values of the device. */
  wantsValues(name: DeviceName): boolean
}

export function createRules(rules: readonly AlertRule[]): Rules {
  const byName = new Map(rules.map((rule) => [rule.name, rule]))
  const ofKind = <K extends Kind>(kind: K) => rules.filter((rule): rule is RuleOf<K> => rule.condition.kind === kind)
  const ofState = ofKind('state')
  const ofCompleteness = ofKind('completeness')
  const ofNoData = ofKind('no-data')
  const byChannel = new Map<string, ValueRule[]>()
  for (const rule of [...ofKind('threshold'), ...ofKind('rate')])
    byChannel.set(rule.condition.channel, [...(byChannel.get(rule.condition.channel) ?? []), rule])
  const all: readonly AlertRule[] = rules.filter(
    ({ condition: { kind } }) => kind !== 'state' && kind !== 'completeness',
  )

  return {
    get: (name) => byName.get(name),
    ofState: (name) => ofState.filter((rule) => concerns(rule, name)),
    ofChannel: (name, channel) => byChannel.get(channel)?.filter((rule) => concerns(rule, name)) ?? [],
    ofCompleteness: (name) => ofCompleteness.filter((rule) => concerns(rule, name)),
    ofNoData: (name, channel) =>
      ofNoData.filter(
        (rule) =>
          (channel === null || rule.condition.channel === '' || rule.condition.channel === channel) &&
          concerns(rule, name),
      ),
    wantsValues: (name) => all.some((rule) => concerns(rule, name)),
  }
}

/** Whether a rule or a maintenance window is about the device. */
export const concerns = (filter: DeviceName, name: DeviceName): boolean =>
  matches(filter.site, name.site) && matches(filter.device, name.device)

/** `*` stands for anything within; '' matches all. One pass, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  if (pattern === '') return true
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
