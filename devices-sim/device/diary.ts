/** What one device tells the truth, and counts for whoever watches the run. */
import type { DeviceName } from '../../telemetry/device.ts'
import type { Quantity } from '../sensor.ts'
import type { SimClock } from '../sim-clock.ts'
import type { TimeKnowledge, TruthEvent, TruthSample, TruthWriter } from '../truth/truth.ts'

export type DropReason = Extract<TruthEvent, { type: 'dropped' }>['why']
export type ToldState = Extract<TruthEvent, { type: 'state' }>['state']

export class Diary {
  sent = 0
  acknowledged = 0
  /** But those of QoS 0, which nobody waits for. */
  dropped = 0
  reports = 0
  state: ToldState = 'asleep'
  readonly #truth: TruthWriter
  readonly #device: number
  readonly #clock: SimClock

  constructor(truth: TruthWriter, device: number, clock: SimClock) {
    this.#truth = truth
    this.#device = device
    this.#clock = clock
  }

  begin(
    about: DeviceName & { clientId: string; profile: string; gateway: string | null; quantities: Quantity[] },
  ): void {
    this.#truth.write({ type: 'device', device: this.#device, about })
  }

  /** Answers its number. */
  report(samples: TruthSample[], boot: number | null, time: TimeKnowledge, expect: 'stored' | 'quarantined'): number {
    const nth = this.reports++
    this.#truth.write({
      type: 'report',
      device: this.#device,
      nth,
      atMs: this.#clock.nowMs(),
      boot,
      time,
      samples,
      expect,
    })
    return nth
  }

  send(nth: number, isAgain: boolean): void {
    if (!isAgain) this.sent++
    this.#truth.write({ type: 'sent', device: this.#device, nth, atMs: this.#clock.nowMs() })
  }

  acknowledge(nth: number): void {
    this.acknowledged++
    this.#truth.write({ type: 'acknowledged', device: this.#device, nth, atMs: this.#clock.nowMs() })
  }

  drop(nth: number, why: DropReason): void {
    if (why !== 'qos_0') this.dropped++
    this.#truth.write({ type: 'dropped', device: this.#device, nth, atMs: this.#clock.nowMs(), why })
  }

  /** `untilMs`: when it means to wake; Infinity and null: never, or nobody knows. */
  enter(state: ToldState, untilMs: number | null): void {
    this.state = state
    const until = untilMs === Infinity ? null : untilMs
    this.#truth.write({ type: 'state', device: this.#device, atMs: this.#clock.nowMs(), state, untilMs: until })
  }
}
