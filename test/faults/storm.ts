/**
 * Every message three times, over several connections, in any order, of devices that restart and whose clocks leap; and
 * what is wrong with a store that ought to hold the truth of it exactly.
 */
import type { Random } from '../../devices-sim/random.ts'
import { limits } from '../../telemetry/limits.ts'
import { timeQualityField, timeUncertaintyField, valueField } from '../../telemetry/schema.ts'
import {
  type FleetDevice,
  type Measured,
  rainMeasurement,
  type Sent,
  type StoredValue,
  type ValueFault,
  valueFaults,
} from '../ingest/fleet.ts'
import { type Gateway, packetIdAskedFrom } from './gateway.ts'
import type { StoredPoint } from './stored-points.ts'
import { until } from './waiting.ts'

export type StormMessage = Sent & {
  createdAtMs: number
  acknowledgedAtMs: number | null
  packetId: number | null
  home: Gateway
}

export type StormOptions = {
  devices: FleetDevice[]
  gateways: Gateway[]
  random: Random
  /** By the clock of the server, which may be ahead of ours. */
  serverNowMs: () => number
  /** How often a device reports: its chance every 10 ms. */
  dueChance?: number
  /** The chance of a report to be the first after a restart. */
  rebootChance?: number
  /** Restarts of a device; of more than are remembered, a copy must not come so late that it is of one forgotten. */
  bootsMax?: number
  /** How far behind ours the clocks begin by which devices tell the time: a report takes them on by 70 s. */
  behindMs?: number
}

export type Storm = {
  readonly messages: StormMessage[]
  /** Those that reckon by their uptime: truth goes by one clock of the server. */
  reboot(): void
  acknowledged(): number
  /** Sends nothing new; resolves when every copy is acknowledged. */
  finish(withinMs?: number): Promise<void>
  close(): void
}

const tickMs = 10
/** Of one device: out of order by no more than a ledger remembers gaps. */
const unacknowledgedMax = 25
/** So that the journal outgrows what is read again after a kill. */
const padBytes = 6000
const copyDelayMsMax = 3_000

/** For NODE_OPTIONS of a server: its clock is ours and CLOCK_AHEAD_MS. */
export const clockPreload = `--import=data:text/javascript,${encodeURIComponent(
  'const now = Date.now; const ahead = Number(process.env.CLOCK_AHEAD_MS); Date.now = () => now() + ahead',
)}`

/** Sends what devices report through the gateways until it is told to stop. */
export function startStorm(options: StormOptions): Storm {
  const { devices, gateways, random, serverNowMs } = options
  const { dueChance = 0.2, rebootChance = 0.03, bootsMax = limits.bootsRemembered - 1 } = options
  const { behindMs = 3 * 86_400_000 } = options
  const messages: StormMessage[] = []
  const later: Array<{ dueMs: number; message: StormMessage }> = []
  const clocks = new Map(devices.map((device) => [device, Date.now() - behindMs]))
  const unacknowledged = new Map(devices.map((device) => [device, 0]))
  let acknowledged = 0
  let packetId = packetIdAskedFrom

  /** Who tells the time by a clock of its own sends what it measured long ago; the others must speak when they measure. */
  const timeOf = (device: FleetDevice, nowMs: number): number =>
    device.kind === 'uptime' || device.kind === 'noclock' ? nowMs : (clocks.get(device) as number)

  function measure(device: FleetDevice, nth: number): void {
    clocks.set(device, (clocks.get(device) as number) + 60_000 + random.below(20_000))
    const createdAtMs = serverNowMs()
    const atMs = timeOf(device, createdAtMs)
    if (device.boots() < bootsMax && random.fraction() < rebootChance) device.reboot(atMs)
    const sent = device.report(atMs)
    const message: StormMessage = {
      ...sent,
      payload: sent.kind === 'json' ? padded(sent.payload) : sent.payload,
      createdAtMs,
      acknowledgedAtMs: null,
      packetId: sent.isKnownByPacket ? packetId++ : null,
      home: gateways[nth % gateways.length] as Gateway,
    }
    messages.push(message)
    unacknowledged.set(device, (unacknowledged.get(device) as number) + 1)
    sendCopy(message, false, () => {
      acknowledged++
      unacknowledged.set(device, (unacknowledged.get(device) as number) - 1)
    })
    for (let copy = 1; copy < 3; copy++) later.push({ dueMs: Date.now() + random.below(copyDelayMsMax), message })
  }

  function sendCopy(message: StormMessage, dup: boolean, onFirst: () => void = () => {}): void {
    const { topic, payload, packetId, home, mustKeepOrder } = message
    const isAtHome = packetId !== null || mustKeepOrder
    const gateway = isAtHome ? home : (gateways[random.below(gateways.length)] as Gateway)
    const onAcknowledged = () => {
      message.acknowledgedAtMs ??= serverNowMs()
      onFirst()
    }
    gateway.send({ topic, payload, dup, packetId, onAcknowledged }, mustKeepOrder ? 0 : random.below(10))
  }

  function sendLater(): void {
    const nowMs = Date.now()
    for (let i = later.length - 1; i >= 0; i--) {
      const { dueMs, message } = later[i] as (typeof later)[number]
      if (dueMs > nowMs || (message.mustKeepOrder && message.acknowledgedAtMs === null)) continue
      later.splice(i, 1)
      sendCopy(message, message.packetId !== null || random.fraction() < 0.5)
    }
  }

  let isMeasuring = true
  const timer = setInterval(() => {
    for (const [nth, device] of devices.entries()) {
      const isDue = random.fraction() < dueChance && (unacknowledged.get(device) as number) < unacknowledgedMax
      if (isMeasuring && isDue) measure(device, nth)
    }
    sendLater()
  }, tickMs)

  return {
    messages,
    reboot() {
      for (const device of devices) if (device.kind === 'uptime') device.reboot(serverNowMs())
    },
    acknowledged: () => acknowledged,
    async finish(withinMs = 30_000) {
      isMeasuring = false
      await until(() => later.length === 0, 'every copy is on its way', withinMs)
      for (const gateway of gateways) await gateway.finish(withinMs)
    },
    close: () => clearInterval(timer),
  }
}

const padded = (payload: Buffer) =>
  Buffer.from(JSON.stringify({ ...JSON.parse(payload.toString()), pad: 'x'.repeat(padBytes) }))

/** atMs: by the server's clock, when the reading was acknowledged; null: what is wrong is not of one reading. */
export type StormFault = { kind: ValueFault['kind'] | 'amount' | 'quality'; text: string; atMs: number | null }

/**
 * What is wrong with the stored values, times and amounts.
 * @param lateMsMax how much later than its PUBACK a message may have been taken
 */
export function stormFaults(
  devices: FleetDevice[],
  messages: StormMessage[],
  points: StoredPoint[],
  lateMsMax: number,
): StormFault[] {
  const messageOf = new Map<Measured, StormMessage>(
    messages.flatMap((message) => message.measured.map((it) => [it, message])),
  )
  // A report that tells no time of its own was taken between its making and the first PUBACK, by both clocks.
  const boundsOf = (measured: Measured) => {
    const { createdAtMs, acknowledgedAtMs } = messageOf.get(measured) as StormMessage
    if (acknowledgedAtMs === null) throw new Error('a message was never acknowledged')
    return [createdAtMs - measured.agoMs - 2, acknowledgedAtMs - measured.saidAgoMs + lateMsMax] as const
  }
  return devices.flatMap((device) => {
    const own = points.filter((point) => point.device === device.name && point.field === valueField)
    const values = own.filter((point) => point.measurement === device.kind) as StoredValue[]
    const rain = own.filter((point) => point.measurement === rainMeasurement)
    const tenths = rain.reduce((sum, { value }) => sum + Math.round((value as number) * 10), 0)
    const faults: StormFault[] = valueFaults(device, values, boundsOf).map(({ kind, text, measured }) => ({
      kind,
      text,
      atMs: measured === null ? null : (messageOf.get(measured)?.acknowledgedAtMs ?? null),
    }))
    if (tenths === device.tenths()) return faults
    const text = `${device.name}: ${tenths} of ${device.tenths()} tenths counted`
    return [...faults, { kind: 'amount', text, atMs: null }]
  })
}

/** A clock that leapt is told with each reading, and so is that the first report of an uptime tells little. */
export function qualityFaults(devices: FleetDevice[], points: StoredPoint[]): StormFault[] {
  return devices.flatMap(({ kind, name, measured }) => {
    const own = points.filter(({ device }) => device === name)
    const corrected = own.filter(({ field, value }) => field === timeQualityField && value === 'corrected').length
    const leapt = kind === 'uptime' || kind === 'noclock' ? 0 : measured.filter(({ timeMs }) => timeMs === null).length
    const first = own.some(
      ({ field, value }) => field === timeUncertaintyField && value === limits.timeUncertaintyMsFirst,
    )
    const texts = [
      ...(corrected === leapt ? [] : [`${name}: ${corrected} times corrected, ${leapt} wanted`]),
      ...(first === (kind === 'uptime') ? [] : [`${name}: uncertain by an hour: ${first}`]),
    ]
    return texts.map((text) => ({ kind: 'quality' as const, text, atMs: null }))
  })
}
