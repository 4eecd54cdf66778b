/** Now and then one device of a fleet breaks off and comes back, so that a demonstration has something to alert on. */
import type { Fleet } from './fleet.ts'
import type { Random } from './random.ts'

/** With lastsMs: an outage about every 30 s. */
const betweenMs = 20_000
const lastsMs = 10_000

/** Returns the function that ends it; every device is plugged in again then. */
export function startOutages(fleet: Fleet, random: Random): () => void {
  let timer: NodeJS.Timeout
  let away: number | null = null

  const plug = () => {
    if (away !== null) fleet.plug(away)
    away = null
  }
  const wait = () => {
    timer = setTimeout(() => {
      away = random.below(fleet.stats().devices)
      fleet.unplug(away)
      timer = setTimeout(() => {
        plug()
        wait()
      }, lastsMs * random.between(0.8, 1.2))
    }, betweenMs * random.between(0.7, 1.3))
  }
  wait()
  return () => {
    clearTimeout(timer)
    plug()
  }
}
