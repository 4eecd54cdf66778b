/** What an alert says in one line. */
import type { AlertCondition, Factor } from '../../telemetry/alert.ts'
import { durationText } from '../../telemetry/duration.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Case } from './case.ts'

/** At most four digits behind the point, none that says nothing. */
export const numberText = (value: number): string => String(Number(value.toFixed(4)))
export const quantityText = (value: number, unit: string): string =>
  `${numberText(value)}${unit === '' ? '' : ` ${unit}`}`
const percentText = (share: number): string => `${Number((100 * share).toFixed(1))} %`

const sharedBy: { [factor in Factor]: (name: string) => string } = {
  site: (name) => `at site ${name} are silent`,
  gateway: (name) => `on gateway ${name} are silent`,
  firmware: (name) => `with firmware ${name} are silent`,
  network: (name) => `in network ${name} are silent`,
  ourselves: () => 'everywhere are silent: the cause may be on our side',
}

export function titleOf(
  { subject, flapping, value, unit, channel, why, deviceState }: Omit<Case, 'members'>,
  condition: AlertCondition,
): string {
  const flaps = flapping === null ? '' : `flapping, ${flapping.fires} times in ${durationText(limits.flapWindowMs)}: `
  if (subject.kind === 'group')
    return `${flaps}${subject.silent} of ${subject.of} ${sharedBy[subject.factor](subject.name)}`
  const device = `${flaps}${subject.site}/${subject.device}`
  if (condition.kind === 'state') return `${device} is ${deviceState}`
  if (condition.kind === 'threshold') return `${device}: ${channel} is ${quantityText(value ?? 0, unit)}`
  if (condition.kind === 'completeness') return `${device}: ${percentText(value ?? 0)} of its reports came`
  return `${device}: ${why}`
}

export function whyBeyond(
  channel: string,
  { above, below }: { above: number | null; below: number | null },
  value: number,
  unit: string,
): string {
  const bounds = [
    above === null ? null : `at most ${quantityText(above, unit)}`,
    below === null ? null : `at least ${quantityText(below, unit)}`,
  ].filter((bound) => bound !== null)
  return `${channel} is ${quantityText(value, unit)}, ${bounds.join(' and ')} wanted`
}

export const whyRate = (channel: string, change: number, unit: string, perMs: number): string =>
  `${channel} ${change < 0 ? 'fell' : 'rose'} by ${quantityText(Math.abs(change), unit)} within ${durationText(perMs)}`

export const whyIncomplete = (received: number, expected: number, overMs: number): string =>
  `${received} of ${expected} reports came in ${durationText(overMs)}`

export const whyNoData = (channel: string, forMs: number): string =>
  `no ${channel === '' ? 'value' : channel} for ${durationText(forMs)}`

export const whyGroup = (silent: number, of: number): string =>
  `${silent} of the ${of} devices that were well fell silent together, so their silence has one cause`
