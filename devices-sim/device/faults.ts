/** When the firmware of a device breaks, by the plans of its profile. Faults of sensors shape their values and are not here. */
import type { FaultName, FaultPlan, Profile } from '../profile.ts'
import type { Random } from '../random.ts'
import type { SimClock } from '../sim-clock.ts'
import type { FirmwareFault } from './device.ts'

export type FaultOptions = {
  profile: Profile
  random: Random
  clock: SimClock
  /** Of the run, and of the device. */
  startMs: number
  joinMs: number
  suffer(fault: FirmwareFault | 'twin', amount: number): void
  recover(fault: FirmwareFault | 'twin'): void
}

const dayMs = 86_400_000
const firmwareFaults: readonly FaultName[] = [
  'clock-1970',
  'clock-skew',
  'truncated',
  'reboot',
  'brown-out',
  'death',
  'twin',
] satisfies Array<FirmwareFault | 'twin'>
const isFirmware = (fault: FaultName): fault is FirmwareFault | 'twin' => firmwareFaults.includes(fault)

/** Answers how it ends. */
export function startFaults(options: FaultOptions): () => void {
  const ends = options.profile.faults.flatMap((plan) => {
    const { fault } = plan
    return isFirmware(fault) && options.random.fraction() < plan.share ? startFault(options, plan, fault) : []
  })
  return () => {
    for (const end of ends) end()
  }
}

function startFault(options: FaultOptions, plan: FaultPlan, fault: FirmwareFault | 'twin'): () => void {
  const { profile, random, clock, startMs, joinMs } = options
  const { perDay, atS, amount } = plan
  let forget = () => {}
  const lastsMs = lastsMsOf(plan, profile)

  const next = (fromMs: number) => {
    if (perDay !== null && perDay > 0) forget = clock.at(Math.round(fromMs + random.exponential(dayMs / perDay)), begin)
  }
  const begin = () => {
    options.suffer(fault, amount)
    if (lastsMs === null) return
    if (lastsMs === 0) next(clock.nowMs())
    else forget = clock.at(clock.nowMs() + lastsMs, end)
  }
  const end = () => {
    options.recover(fault)
    next(clock.nowMs())
  }
  if (atS === null) next(joinMs)
  else forget = clock.at(Math.max(joinMs, startMs + Math.round(atS * 1000)), begin)
  return () => forget()
}

/** Null: for ever. */
function lastsMsOf({ fault, lastsS }: FaultPlan, { sampleEveryS, batch }: Profile): number | null {
  if (fault === 'reboot') return 0
  if (fault === 'death') return null
  if (lastsS > 0) return Math.round(lastsS * 1000)
  // A moment of these is as long as it takes to make one report, or to try to send it.
  return fault === 'truncated' || fault === 'brown-out' ? Math.round(sampleEveryS * batch * 1000) : null
}
