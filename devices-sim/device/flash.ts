/**
 * Reports that wait for their PUBACK, the oldest first. They survive a reboot, and so do the packet identifiers they were sent
 * under. Those under way are always the oldest ones.
 */
import type { TimeBase } from '../../telemetry/reading.ts'
import type { TruthSample } from '../truth/truth.ts'

export type WaitingReport = {
  /** Counts the device's reports over reboots. */
  readonly nth: number
  /** Of a format that holds one value: which quantity it is; else 0. */
  readonly stream: number
  readonly boot: number
  readonly sequence: number
  readonly samples: TruthSample[]
  /** What its times count from. */
  readonly timeBase: TimeBase
  /** When the last sample was taken by the device's own time of day, and since its boot, in milliseconds. */
  readonly clockMs: number
  readonly uptimeMs: number
  /** Which setting of the clock that was (OwnClock.setting). */
  readonly setting: number
  /** A defect of the firmware sends half of it. */
  readonly isTruncated: boolean
  /** 0: it was never sent. */
  packetId: number
}

export class Flash {
  readonly #reports: WaitingReport[] = []
  readonly #max: number
  #underWay = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#reports.length
  }

  get underWay(): number {
    return this.#underWay
  }

  /** Answers the oldest one, lost for want of room. */
  add(report: WaitingReport): WaitingReport | null {
    this.#reports.push(report)
    return this.#reports.length > this.#max ? this.takeOldest() : null
  }

  /** The oldest one that is not under way. */
  next(): WaitingReport | null {
    return this.#reports[this.#underWay] ?? null
  }

  /** That one is under way now. */
  send(): void {
    this.#underWay++
  }

  /** Null: it is not here, or not any more. */
  acknowledge(packetId: number): WaitingReport | null {
    for (let i = 0; i < this.#underWay; i++) {
      if (this.#reports[i]?.packetId !== packetId) continue
      this.#underWay--
      return this.#reports.splice(i, 1)[0] as WaitingReport
    }
    return null
  }

  /** The connection is gone: all are to be sent again. */
  turnBack(): void {
    this.#underWay = 0
  }

  takeOldest(): WaitingReport | null {
    if (this.#underWay > 0) this.#underWay--
    return this.#reports.shift() ?? null
  }

  /** Whether a report that was sent once bears it. */
  hasPacketId(packetId: number): boolean {
    for (const report of this.#reports) {
      if (report.packetId === packetId) return true
      if (report.packetId === 0) return false
    }
    return false
  }
}
