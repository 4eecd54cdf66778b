/**
 * Values that cannot be true: codes that sensors and converters give for "nothing", what physics does not allow, and a value that has
 * not changed for much longer than this channel ever was without a change.
 */

/** Of one channel; saved as it is. */
export type Watched = {
  value: number
  sinceMs: number
  /** Readings of this value in a row. */
  repeats: number
  changes: number
  /** Longest time that an earlier value stood. */
  longestMs: number
  impossible: string | null
  impossibleSinceMs: number
}

/** Units as units.ts knows them. */
const physics: { [unit: string]: [min: number, max: number] } = {
  Cel: [-273.15, 1000],
  K: [0, 1300],
  '%RH': [0, 105],
  hPa: [1, 1200],
  Pa: [0, 1e9],
  dBm: [-200, 60],
  'beat/min': [0, 400],
  lat: [-90, 90],
  lon: [-180, 180],
}
/** DS18B20: the bus was broken. 16 and 32 bits full or most negative: an error code that was taken for a value. */
const codes: ReadonlyMap<number, string> = new Map([
  [65_535, '16 bits all set'],
  [-32_768, 'the lowest of 16 bits'],
  [4_294_967_295, '32 bits all set'],
  [-2_147_483_648, 'the lowest of 32 bits'],
])
/** A DS18B20 says 85 before its first conversion; that is true only where it was nearly so hot before. */
const powerOnCelsius = 85
const powerOnStep = 20
const neverStuckMs = 24 * 3_600_000
const stuckTimes = 4
const changesMin = 20
const repeatsMin = 10

export const createWatched = (value: number, unit: string, atMs: number): Watched => {
  const impossible = impossibleBy(value, unit, null)
  return { value, sinceMs: atMs, repeats: 1, changes: 0, longestMs: 0, impossible, impossibleSinceMs: atMs }
}

export function watch(known: Watched, value: number, unit: string, atMs: number): void {
  const impossible = impossibleBy(value, unit, known.impossible === null ? known.value : null)
  if (known.impossible === null && impossible !== null) known.impossibleSinceMs = atMs
  known.impossible = impossible
  if (value === known.value) {
    known.repeats++
    return
  }
  known.longestMs = Math.max(known.longestMs, atMs - known.sinceMs)
  known.value = value
  known.sinceMs = atMs
  known.repeats = 1
  known.changes++
}

/** Has changed often enough before to know that this is not its way. */
export const isStuck = ({ sinceMs, repeats, changes, longestMs }: Watched, nowMs: number): boolean =>
  changes >= changesMin && repeats >= repeatsMin && nowMs - sinceMs > Math.max(neverStuckMs, stuckTimes * longestMs)

/** `before`: the last possible value. */
function impossibleBy(value: number, unit: string, before: number | null): string | null {
  if (!Number.isFinite(value)) return `${value} is no number`
  const code = codes.get(value)
  if (code !== undefined && (before === null || Math.abs(before - value) > Math.abs(value) / 100)) return code
  if (unit === 'Cel' && value === -127) return 'what a DS18B20 gives when it is not connected'
  if (unit === 'Cel' && value === powerOnCelsius && before !== null && Math.abs(before - value) > powerOnStep)
    return 'what a DS18B20 gives before its first measurement'
  const [min, max] = physics[unit] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  return value < min || value > max ? `outside ${min} to ${max} ${unit}` : null
}
