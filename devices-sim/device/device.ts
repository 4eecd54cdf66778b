/**
 * A device's firmware as a state machine on a clock: sample, keep in flash, wake, connect, publish, wait for PUBACK, free flash,
 * sleep. One alarm stands on the clock for all that is due, so that very many devices fit. What really happened goes to the truth.
 */
import type { DeviceName } from '../../telemetry/device.ts'
import { statusTopic } from '../../telemetry/schema.ts'
import { brownOutVolts, cells } from '../energy/cells.ts'
import type { Meter } from '../energy/meter.ts'
import { radios } from '../energy/radios.ts'
import type { FaultName, Profile } from '../profile.ts'
import type { Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'
import type { SimClock } from '../sim-clock.ts'
import type { ConnectOptions, Transport } from '../transport.ts'
import type { TruthSample, TruthWriter } from '../truth/truth.ts'
import { Alarm } from './alarm.ts'
import { OwnClock } from './clock.ts'
import { Uplink, type UplinkOwner } from './connection.ts'
import { Diary, type DropReason, type ToldState } from './diary.ts'
import { Flash, type WaitingReport } from './flash.ts'
import type { Wire } from './format.ts'
import { knowledgeOf, reportOf, timeBaseOf } from './report.ts'
import { type SampleGroup, Sampler } from './sampler.ts'
import { fillTopic } from './topic.ts'

export type DeviceOptions = {
  profile: Profile
  /** Made of the profile and the quantities of these sensors. */
  wire: Wire
  sensors: Sensor[]
  name: DeviceName
  clientId: string
  gateway: string | null
  /** By which the truth names it. */
  index: number
  clock: SimClock
  random: Random
  transport: Transport
  meter: Meter
  truth: TruthWriter
  /** Of the run: counts of boots and reports begin by it, so that a later run repeats none. */
  startMs: number
  /** When the device is switched on. */
  joinMs: number
}

/** Faults of the firmware and of what it stands on; those of sensors shape their values. */
export type FirmwareFault = Extract<
  FaultName,
  'clock-1970' | 'clock-skew' | 'truncated' | 'reboot' | 'brown-out' | 'death'
>

/** After a power cut not all come at once: that would measure the backlog of accept() and nothing else. */
const connectSpreadMs = 2000
/** How long the cell gets to recover; doubled each time that it was not enough, so often. */
const brownOutMs = 60_000
const brownOutDoublingsMax = 6
const packetIdMax = 65_535

export const createDevice = (options: DeviceOptions): Device => new Device(options)

export class Device implements UplinkOwner {
  readonly diary: Diary
  readonly #options: DeviceOptions
  readonly #uplink: Uplink
  readonly #alarm: Alarm
  readonly #flash: Flash
  readonly #clock = new OwnClock()
  readonly #sampler: Sampler
  readonly #everyMs: number
  /** Under the current of the radio the board resets itself below it. */
  readonly #brownOutV: number
  /** Since the last upload was due. */
  #taken = 0
  /** A device that sleeps between uploads means to connect. */
  #isUploadDue = false
  #sampleAtMs: number
  /** Off until then. */
  #bootAtMs: number
  #bootedAtMs: number
  #boot: number
  /** By stream. */
  readonly #sequences: number[]
  #packetId = 0
  /** Of a birth or a farewell without PUBACK; 0: there is none. */
  #statusId = 0
  #hasRun = false
  #isUnplugged = false
  #isLeaving = false
  /** Since it was connected last. */
  #brownOuts = 0
  #isTruncating = false
  #isSagging = false

  constructor(options: DeviceOptions) {
    const { profile, wire, random, clock, meter, startMs, joinMs } = options
    this.#options = options
    this.#everyMs = Math.round(profile.sampleEveryS * 1000)
    const cell = cells[profile.cell]
    this.#brownOutV = cell === null ? 0 : brownOutVolts(cell, radios[profile.radio])
    this.#flash = new Flash(profile.flashReports)
    this.#sampler = new Sampler(options.sensors, wire, meter)
    this.diary = new Diary(options.truth, options.index, clock)
    this.#alarm = new Alarm(clock, () => this.#settle())
    this.#boot = Math.floor(startMs / 1000) % wire.layout.bootSpan
    this.#sequences = wire.topics.map(() => this.#firstSequence())
    this.#bootAtMs = joinMs
    this.#bootedAtMs = joinMs
    this.#sampleAtMs = joinMs + Math.floor(random.fraction() * this.#everyMs)
    this.#uplink = new Uplink(options, this)
    this.#uplink.tryAtMs = joinMs + Math.floor(random.fraction() * connectSpreadMs)
  }

  get isConnected(): boolean {
    return this.#uplink.isUp
  }

  /** Reports in flash. */
  get waiting(): number {
    return this.#flash.size
  }

  get isDead(): boolean {
    return this.diary.state === 'dead'
  }

  get problem(): string | null {
    return this.#uplink.problem
  }

  get isGone(): boolean {
    return !this.#uplink.isOpen
  }

  start(): void {
    const { name, clientId, profile, gateway, wire } = this.#options
    this.diary.begin({ ...name, clientId, profile: profile.name, gateway, quantities: wire.layout.quantities })
    this.#alarm.at(this.#bootAtMs)
  }

  suffer(fault: FirmwareFault, amount: number): void {
    if (this.isDead) return
    const nowMs = this.#options.clock.nowMs()
    switch (fault) {
      case 'clock-1970':
      case 'clock-skew':
        this.#closeBatch()
        if (fault === 'clock-1970') this.#clock.lose(nowMs)
        else this.#clock.skew(nowMs, amount)
        break
      case 'truncated':
        this.#isTruncating = true
        break
      case 'brown-out':
        this.#isSagging = true
        break
      case 'reboot':
        this.#goDown(nowMs)
        break
      case 'death':
        this.#die()
    }
    this.#settle()
  }

  recover(fault: FirmwareFault): void {
    if (this.isDead) return
    if (fault === 'clock-1970' || fault === 'clock-skew') {
      this.#closeBatch()
      this.#clock.set()
    } else if (fault === 'truncated') this.#isTruncating = false
    else if (fault === 'brown-out') this.#isSagging = false
    this.#settle()
  }

  /** Breaks the connection without DISCONNECT and stays away until plug(); it samples on. */
  unplug(): void {
    if (this.isDead) return
    this.#isUnplugged = true
    this.#uplink.cut()
    this.disconnected()
  }

  plug(): void {
    this.#isUnplugged = false
    this.#settle()
  }

  /** Takes no more samples; those in memory become a report. */
  stopSampling(): void {
    this.#sampleAtMs = Infinity
    if (this.isDead) return
    this.#closeBatch()
    this.#isUploadDue = true
    this.#settle()
  }

  /** Says that it leaves where nobody else would, since DISCONNECT deletes the will; see isGone. */
  leave(): void {
    this.stopSampling()
    this.#isLeaving = true
    const { profile, name } = this.#options
    if (this.#uplink.isUp && profile.connection === 'held' && profile.tellsStatus) this.#publishStatus(name, 'offline')
    else this.#uplink.leave()
    this.#settle()
  }

  /** The run is over: nothing comes of it any more. */
  end(): void {
    this.#uplink.cut()
    this.#dropAll('run_over')
    this.#alarm.off()
  }

  connectOptions(): ConnectOptions {
    const { profile, name, clientId } = this.#options
    const will = { topic: fillTopic(statusTopic, name), payload: 'offline', qos: 1, retain: true } as const
    return {
      clientId,
      keepAliveS: profile.keepAliveS,
      clean: !profile.persistentSession,
      ...(profile.tellsStatus && { will }),
    }
  }

  connected(isSessionPresent: boolean): void {
    const { profile, name } = this.#options
    this.#brownOuts = 0
    if (profile.tellsStatus) this.#publishStatus(name, 'online')
    if (profile.persistentSession && !isSessionPresent) {
      this.#uplink.subscribe(`commands/${name.site}/${name.device}/#`)
    }
    this.#settle()
  }

  acknowledged(packetId: number): void {
    if (packetId === this.#statusId) {
      this.#statusId = 0
      if (this.#isLeaving) this.#uplink.leave()
    } else {
      const report = this.#flash.acknowledge(packetId)
      if (report !== null) this.diary.acknowledge(report.nth)
    }
    this.#settle()
  }

  disconnected(): void {
    this.#flash.turnBack()
    this.#statusId = 0
    if (this.#options.profile.connection === 'wake') this.#enter('asleep', this.#wakeAtMs())
    this.#settle()
  }

  /** Does what is due, and waits for what is due next. */
  #settle(): void {
    if (this.isDead) return
    const nowMs = this.#nowMs()
    if (nowMs >= this.#bootAtMs) this.#startUp()
    if (this.#bootAtMs === Infinity) {
      while (nowMs >= this.#sampleAtMs) {
        this.#sample(this.#sampleAtMs)
        this.#sampleAtMs += this.#everyMs
      }
      this.#uplink.work(nowMs)
      if (nowMs >= this.#connectAtMs()) this.#open(nowMs)
      if (this.#uplink.isUp) this.#pump(nowMs)
    }
    if (this.isDead) return
    this.#alarm.at(
      this.#bootAtMs === Infinity
        ? Math.min(this.#sampleAtMs, this.#connectAtMs(), this.#uplink.dueMs())
        : this.#bootAtMs,
    )
  }

  #connectAtMs(): number {
    const wants = this.#options.profile.connection === 'held' || (this.#isUploadDue && this.#flash.size > 0)
    const may = !this.#uplink.isOpen && !this.#isUnplugged && !this.#isLeaving
    return wants && may ? this.#uplink.tryAtMs : Infinity
  }

  #open(nowMs: number): void {
    if (this.#options.meter.isEmpty(nowMs)) this.#die()
    else if (this.#sags(nowMs)) this.#brownOut(nowMs)
    else {
      this.#enter('awake', null)
      this.#uplink.open()
    }
  }

  #pump(nowMs: number): void {
    const { profile } = this.#options
    if (this.#flash.next() !== null && this.#sags(nowMs)) {
      this.#brownOut(nowMs)
      return
    }
    while (this.#flash.underWay < profile.window) {
      const report = this.#flash.next()
      if (report === null) break
      this.#send(report, nowMs)
    }
    if (profile.connection !== 'wake' || this.#flash.size > 0 || this.#statusId !== 0) return
    this.#isUploadDue = false
    this.#uplink.leave()
    this.#enter('asleep', this.#wakeAtMs())
  }

  #send(report: WaitingReport, nowMs: number): void {
    const { profile, wire, name } = this.#options
    const { qos } = profile
    const whole = this.#payloadOf(report, nowMs)
    const payload = report.isTruncated ? (wire.cut(whole) ?? whole) : whole
    const isAgain = report.packetId !== 0
    if (qos === 1) {
      if (!isAgain) report.packetId = this.#freePacketId()
      this.#flash.send()
    }
    this.#uplink.publish({
      topic: fillTopic(wire.topics[report.stream] as string, name),
      payload,
      qos,
      retain: false,
      // Of a session that is forgotten nothing is sent again; it is a new publish then.
      dup: isAgain && profile.persistentSession,
      packetId: report.packetId,
    })
    this.diary.send(report.nth, isAgain)
    if (qos === 0) {
      this.#flash.takeOldest()
      this.diary.drop(report.nth, 'qos_0')
    }
  }

  #publishStatus(name: DeviceName, payload: 'online' | 'offline'): void {
    this.#statusId = this.#freePacketId()
    this.#uplink.publish({
      topic: fillTopic(statusTopic, name),
      payload: Buffer.from(payload),
      qos: 1,
      retain: true,
      dup: false,
      packetId: this.#statusId,
    })
  }

  /** Reports keep theirs until they are acknowledged. */
  #freePacketId(): number {
    do this.#packetId = (this.#packetId % packetIdMax) + 1
    while (this.#packetId === this.#statusId || this.#flash.hasPacketId(this.#packetId))
    return this.#packetId
  }

  #sample(takenAtMs: number): void {
    const isFull = this.#sampler.sample(takenAtMs)
    this.#taken++
    const isUpload = this.#taken >= this.#options.profile.batch
    if (isFull || isUpload) this.#closeBatch()
    if (!isUpload) return
    this.#taken = 0
    this.#isUploadDue = true
  }

  #closeBatch(): void {
    for (const group of this.#sampler.take()) this.#keep(group)
  }

  #keep({ stream, samples }: SampleGroup): void {
    const { wire, profile } = this.#options
    const { takenAtMs } = samples.at(-1) as TruthSample
    const uptimeMs = Math.max(0, takenAtMs - this.#bootedAtMs)
    const sequence = this.#sequences[stream] as number
    this.#sequences[stream] = sequence + 1
    const report: WaitingReport = {
      nth: this.diary.reports,
      stream,
      boot: this.#boot,
      sequence,
      samples,
      timeBase: timeBaseOf(wire.layout, this.#clock),
      clockMs: profile.clock === 'rtc' ? this.#clock.unixMs(takenAtMs) : uptimeMs,
      uptimeMs,
      setting: this.#clock.setting,
      isTruncated: this.#isTruncating,
      packetId: 0,
    }
    const isReadable = !report.isTruncated || wire.cut(this.#payloadOf(report, this.#nowMs())) === null
    const boot = wire.layout.has.boot ? this.#boot : null
    const knowledge = knowledgeOf(wire.layout, this.#clock, takenAtMs)
    this.diary.report(samples, boot, knowledge, isReadable ? 'stored' : 'quarantined')
    const lost = this.#flash.add(report)
    if (lost !== null) this.diary.drop(lost.nth, 'flash_full')
  }

  #payloadOf(report: WaitingReport, nowMs: number): Buffer {
    const { wire } = this.#options
    return wire.encode([reportOf(wire, report, this.#now(nowMs))])
  }

  #now(nowMs: number) {
    const { profile, wire } = this.#options
    const samples = profile.connection === 'wake' ? profile.batch : wire.layout.samplesMax
    const uptimeMs = nowMs - this.#bootedAtMs
    return { nowMs, clock: this.#clock, boot: this.#boot, uptimeMs, reportEveryS: samples * profile.sampleEveryS }
  }

  /** What stands in RAM only is lost: the batch that is being filled, and the connection. */
  #goDown(bootAtMs: number): void {
    this.#sampler.restart()
    this.#taken = 0
    this.#uplink.cut()
    this.#flash.turnBack()
    this.#statusId = 0
    this.#bootAtMs = bootAtMs
  }

  #startUp(): void {
    const atMs = this.#bootAtMs
    this.#bootAtMs = Infinity
    if (this.#hasRun) {
      this.#boot = (this.#boot + 1) % this.#options.wire.layout.bootSpan
      if (this.#options.wire.layout.has.boot) this.#sequences.fill(0)
      if (this.#sampleAtMs !== Infinity) this.#sampleAtMs = atMs + this.#everyMs
      this.#isUploadDue = true
    }
    this.#hasRun = true
    this.#bootedAtMs = atMs
    if (this.#options.profile.connection === 'held') this.#enter('awake', null)
    else this.diary.enter('asleep', this.#wakeAtMs())
  }

  #sags(nowMs: number): boolean {
    if (this.#isSagging) return true
    const volts = this.#options.meter.volts(nowMs, true)
    return volts !== null && volts < this.#brownOutV
  }

  #brownOut(nowMs: number): void {
    this.#goDown(nowMs + brownOutMs * 2 ** Math.min(this.#brownOuts, brownOutDoublingsMax))
    this.#brownOuts++
  }

  #die(): void {
    this.#goDown(Infinity)
    this.#enter('dead', null)
    this.#dropAll('death')
    this.#alarm.off()
  }

  #dropAll(why: DropReason): void {
    for (let report = this.#flash.takeOldest(); report !== null; report = this.#flash.takeOldest()) {
      this.diary.drop(report.nth, why)
    }
  }

  #firstSequence(): number {
    const { wire, startMs } = this.#options
    return wire.layout.has.boot ? 0 : startMs
  }

  /** When it means to connect next. */
  #wakeAtMs(): number {
    const { profile } = this.#options
    const reportAtMs = this.#sampleAtMs + Math.max(0, profile.batch - 1 - this.#taken) * this.#everyMs
    return Math.min(reportAtMs, this.#connectAtMs())
  }

  #enter(state: ToldState, untilMs: number | null): void {
    if (state !== this.diary.state) this.diary.enter(state, untilMs)
  }

  #nowMs(): number {
    return this.#options.clock.nowMs()
  }
}
