/** A small panel: from 6 to 18 UTC half a sine, every day the same. */

/**
 * Half a watt of panel; 30 % of it on average noon, for clouds, dirt, angle and charger [estimate]. Charges only cells that can
 * be charged.
 */
const noonMilliWatts = 150
const dayS = 86_400
const riseS = 6 * 3600
const lengthS = 12 * 3600

/** Of a whole day. */
export const sunMilliJoulesPerDay = (noonMilliWatts * lengthS * 2) / Math.PI

/** From 1970 up to a time: the difference of two is what came in between, however long. */
export function sunMilliJoulesUntil(atMs: number): number {
  const s = atMs / 1000
  const days = Math.floor(s / dayS)
  const light = Math.min(1, Math.max(0, (s - days * dayS - riseS) / lengthS))
  return sunMilliJoulesPerDay * (days + (1 - Math.cos(Math.PI * light)) / 2)
}
