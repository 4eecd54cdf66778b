/** When a rule about values is true: with hysteresis, over time, from little memory for each device and rule. */
import type { Value } from '../../telemetry/reading.ts'

export type Bounds = { above: number | null; below: number | null; clear: number | null }

/** Beyond a bound; once beyond, until `clear` is passed too. With two bounds there is no place for one `clear`. */
export function isBeyond({ above, below, clear }: Bounds, value: number, wasBeyond: boolean): boolean {
  const back = wasBeyond && (above === null || below === null) ? clear : null
  return (above !== null && value > (back ?? above)) || (below !== null && value < (back ?? below))
}

/** Numbers as they are, booleans as 1 and 0; text is beyond nothing. */
export const numberOf = (value: Value): number | null =>
  typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : null

/** Least and greatest value of stretches of a sixteenth of the time. */
export type Extremes = Array<[stretch: number, min: number, max: number]>
const stretches = 16

/**
 * By how much a value has risen above the least, and fallen below the greatest, of the time before it. Null: the value is older
 * than one that is known.
 */
export function changeWithin(
  extremes: Extremes,
  perMs: number,
  timeMs: number,
  value: number,
): { rise: number; fall: number } | null {
  const stretch = Math.floor((timeMs * stretches) / perMs)
  const last = extremes.at(-1)
  if (last !== undefined && last[0] > stretch) return null
  while (extremes[0] !== undefined && extremes[0][0] <= stretch - stretches) extremes.shift()
  if (last?.[0] === stretch) {
    last[1] = Math.min(last[1], value)
    last[2] = Math.max(last[2], value)
  } else extremes.push([stretch, value, value])
  return {
    rise: value - Math.min(...extremes.map(([, min]) => min)),
    fall: value - Math.max(...extremes.map(([, , max]) => max)),
  }
}

/** Reports of the hours that count. */
export type Hours = Array<[hourMs: number, expected: number, received: number]>

/** Takes what is now known of an hour; null: nothing was expected. */
export function shareWithin(
  hours: Hours,
  overMs: number,
  hourMs: number,
  { expected, received }: { expected: number; received: number },
): { expected: number; received: number } | null {
  const known = hours.find(([it]) => it === hourMs)
  if (known !== undefined) [known[1], known[2]] = [expected, received]
  else hours.push([hourMs, expected, received])
  const newest = Math.max(...hours.map(([it]) => it))
  hours.splice(0, hours.length, ...hours.filter(([it]) => it > newest - overMs))
  const sum = { expected: 0, received: 0 }
  for (const [, itsExpected, itsReceived] of hours) {
    sum.expected += itsExpected
    sum.received += itsReceived
  }
  return sum.expected > 0 ? sum : null
}
