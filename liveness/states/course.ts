/** The course of states: what each device is in and why, what time alone does to it, and who is told. */
import type { DeviceState, DeviceStatus, StateChange } from '../../telemetry/device.ts'
import { type Contract, contractOf, nextEventAt } from './contract.ts'
import { createDueHeap } from './due-heap.ts'
import { createFactors, type Factors } from './factors.ts'
import type { KnownDevice } from './known-device.ts'
import { createLivedTime, type SavedTime } from './lived-time.ts'
import { whyOffline, whySilent, withFacts } from './why.ts'

export type CourseOptions = {
  saved: { time: SavedTime; devices: KnownDevice[] }
  graceMs: number
  onChange: (change: StateChange) => void
  /** Called before time changes a device. */
  onDue: (device: KnownDevice) => void
}

export type Course = {
  /** To the time of a record; all that was due before happens first, each at its own time. `isStart`: we were away until now. */
  move(atMs: number, isStart: boolean): void
  /** Lived time of the last record. */
  now(): number
  /** Its contract as it is now; call it after what may change it, and before the state does. */
  review(device: KnownDevice): Contract | null
  change(device: KnownDevice, state: DeviceState, why: string, atUs: number, isAlerting: boolean, isCut?: boolean): void
  /** Its state and contract are as they are now: when time does something to it next. */
  schedule(device: KnownDevice, contract: Contract | null): void
  /** When somebody is due next, milliseconds since 1970; Infinity: nobody is. */
  nextDueMs(): number
  status(device: KnownDevice): DeviceStatus
  factors: Factors
  savedTime(): SavedTime
}

export function createCourse({ saved, graceMs, onChange, onDue }: CourseOptions): Course {
  const time = createLivedTime(saved.time, graceMs)
  const due = createDueHeap<KnownDevice>()
  const factors = createFactors()
  for (const device of saved.devices) {
    due.set(device, device.dueAt)
    factors.update(device)
  }

  function status({
    site,
    device,
    state,
    why,
    sinceMs,
    lastSeenMs,
    expectedAt,
    isAlerting,
  }: KnownDevice): DeviceStatus {
    const dueMs = expectedAt === null ? null : time.toMs(expectedAt)
    return { site, device, state, why, sinceMs, lastSeenMs, dueMs, isAlerting }
  }

  function change(
    device: KnownDevice,
    state: DeviceState,
    why: string,
    atUs: number,
    isAlerting: boolean,
    isCut = false,
  ): void {
    const isSame = device.state === state
    device.why = why
    device.isAlerting = isAlerting
    device.state = state
    if (!isSame) device.sinceMs = Math.floor(atUs / 1000)
    factors.update(device)
    if (!isSame) onChange({ ...status(device), atUs, isCut })
  }

  function review(device: KnownDevice): Contract | null {
    const contract = contractOf(device)
    device.expectedAt = contract === null || contract.by === 'habit' ? null : contract.dueAt
    return contract
  }

  function schedule(device: KnownDevice, contract: Contract | null, nowAt: number = time.now()): void {
    // What was due long ago by its contract is due at once: the past, and this millisecond, is told already.
    due.set(device, Math.max(nextEventAt(device, contract), nowAt + 1))
  }

  function happen(device: KnownDevice, at: number): void {
    const contract = review(device)
    const atUs = time.toMs(at) * 1000
    if (device.awaitedAt !== null && device.awaitedAt <= at) {
      device.awaitedAt = null
      change(device, 'offline', withFacts(whyOffline.worker, device.facts), atUs, true)
    } else if (contract !== null) {
      const isLate = device.state === 'online' || device.state === 'asleep'
      const why = whySilent(contract, at, device, time.toMs)
      change(device, isLate ? 'late' : 'lost', why, atUs, !isLate)
    }
    schedule(device, contract, at)
  }

  return {
    move(atMs, isStart) {
      const nowAt = time.move(atMs, isStart)
      for (let at = due.nextMs(); at <= nowAt; at = due.nextMs()) {
        const device = due.take(at) as KnownDevice
        onDue(device)
        happen(device, at)
      }
    },
    now: time.now,
    review,
    change,
    schedule,
    nextDueMs: () => time.toMs(due.nextMs()),
    status,
    factors,
    savedTime: time.save,
  }
}
