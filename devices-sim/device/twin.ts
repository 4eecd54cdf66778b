/**
 * Another device with the same client identifier, as of a firmware image that was cloned with its name. It says nothing, but a
 * broker lets only one of them be connected [MQTT-3.1.4-2], so each throws the other out.
 */
import { mainsMeter } from '../energy/mains.ts'
import type { ConnectOptions } from '../transport.ts'
import { Alarm } from './alarm.ts'
import { Uplink, type UplinkOptions, type UplinkOwner } from './connection.ts'

export type TwinOptions = Omit<UplinkOptions, 'meter'> & { clientId: string }

export class Twin implements UplinkOwner {
  readonly #uplink: Uplink
  readonly #alarm: Alarm
  readonly #options: TwinOptions

  constructor(options: TwinOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.clock, () => this.#settle())
    this.#uplink = new Uplink({ ...options, meter: mainsMeter }, this)
  }

  start(): void {
    this.#settle()
  }

  stop(): void {
    this.#alarm.off()
    this.#uplink.cut()
  }

  connectOptions(): ConnectOptions {
    const { clientId, profile } = this.#options
    return { clientId, keepAliveS: profile.keepAliveS, clean: true }
  }

  connected(): void {
    this.#settle()
  }

  acknowledged(): void {}

  disconnected(): void {
    this.#settle()
  }

  #settle(): void {
    const nowMs = this.#options.clock.nowMs()
    this.#uplink.work(nowMs)
    if (!this.#uplink.isOpen && nowMs >= this.#uplink.tryAtMs) this.#uplink.open()
    this.#alarm.at(this.#uplink.isOpen ? this.#uplink.dueMs() : this.#uplink.tryAtMs)
  }
}
