/** Tells the truth of the outages of a link, since an alert in one of them is not false. */
import type { SimClock } from '../sim-clock.ts'
import type { TruthWriter } from '../truth/truth.ts'
import type { Link } from './link.ts'

/** Beyond the numbers of a scenario's incidents. */
const firstId = 1_000_000

/** `devices` that hang on each link. Answers how it ends. */
export function startOutageDiary(
  links: Array<{ link: Link; devices: number[] }>,
  clock: SimClock,
  truth: TruthWriter,
): () => void {
  let id = firstId
  const forgets = new Map<Link, () => void>()

  function watch(link: Link, devices: number[]): void {
    const outage = link.nextOutage(clock.nowMs())
    if (outage === null) return
    const own = id++
    const detail = outage.isHalfOpen ? 'nobody was told' : ''
    const tell = (phase: 'begin' | 'end') =>
      truth.write({ type: 'incident', id: own, atMs: clock.nowMs(), phase, kind: 'link-outage', devices, detail })
    const end = () => {
      tell('end')
      watch(link, devices)
    }
    const begin = () => {
      tell('begin')
      forgets.set(link, clock.at(outage.toMs, end))
    }
    forgets.set(link, clock.at(outage.fromMs, begin))
  }

  for (const { link, devices } of links) watch(link, devices)
  return () => {
    for (const forget of forgets.values()) forget()
  }
}
