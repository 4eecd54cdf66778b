/**
 * Another device with the same client identifier, as of a firmware image that was cloned with its name. It says nothing, but a
 * broker lets only one of them be connected [MQTT-3.1.4-2], so each throws the other out.
 */
import { mainsMeter } from '../energy/mains.ts'
import type { Random } from '../random.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Transport } from '../transport.ts'
import { Alarm } from './alarm.ts'
import { Uplink, type UplinkOwner } from './connection.ts'

export type TwinOptions = {
  clientId: string
  keepAliveS: number
  retryS: number
  answerTimeoutS: number
  clock: SimClock
  random: Random
  transport: Transport
}

export class Twin implements UplinkOwner {
  readonly #uplink: Uplink
  readonly #alarm: Alarm
  readonly #clock: SimClock

  constructor({ clientId, keepAliveS, ...options }: TwinOptions) {
    this.#clock = options.clock
    this.#alarm = new Alarm(options.clock, () => this.#settle())
    const connect = { clientId, keepAliveS, clean: true }
    this.#uplink = new Uplink({ ...options, connect, meter: mainsMeter, owner: this })
  }

  start(): void {
    this.#settle()
  }

  stop(): void {
    this.#alarm.off()
    this.#uplink.cut()
  }

  connected(): void {
    this.#settle()
  }

  acknowledged(): void {}

  disconnected(): void {
    this.#settle()
  }

  #settle(): void {
    const nowMs = this.#clock.nowMs()
    this.#uplink.work(nowMs)
    if (!this.#uplink.isOpen && nowMs >= this.#uplink.tryAtMs) this.#uplink.open()
    this.#alarm.at(this.#uplink.isOpen ? this.#uplink.dueMs() : this.#uplink.tryAtMs)
  }
}
