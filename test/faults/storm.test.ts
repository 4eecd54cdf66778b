/**
 * Every message three times, over several connections, in any order, of devices that restart and whose clocks leap, while
 * the server is killed again and again: both stores hold the truth exactly. SEED=n repeats a run, as far as the machine's
 * timing lets it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { limits } from '../../telemetry/limits.ts'
import { timeQualityField, timeUncertaintyField, valueField } from '../../telemetry/schema.ts'
import {
  createFleetDevice,
  type FleetDevice,
  fleetRoutes,
  kinds,
  type Measured,
  rainMeasurement,
  type Sent,
  type StoredValue,
  valueProblems,
} from '../ingest/fleet.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import type { Influxd } from '../servers/influxd.ts'
import { inBothStores } from './both-stores.ts'
import { type Gateway, packetIdAskedFrom, startGateway } from './gateway.ts'
import { accountProblems } from './invariants.ts'
import { ledgerOf, type StoredPoint, storedPoints } from './stored-points.ts'
import { until } from './waiting.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const kills = 12
/** One end among the kills is a clean one, and saves what is known of devices. */
const cleanStopAt = 4
/** Here the server's clock leaps ahead, so that the ledger closes its rows amidst the storm. */
const leapAt = 7
const gatewayCount = 4
const tickMs = 10
/** Of one device: out of order by no more than a ledger remembers gaps. */
const unacknowledgedMax = 25
/** Boots of a device that are remembered; a copy of an older one would be new. */
const bootsMax = limits.bootsRemembered - 1
/** So that the journal outgrows what is read again after a kill. */
const padBytes = 6000
const copyDelayMsMax = 3_000

/** The server's clock is this one's and CLOCK_AHEAD_MS. */
const clockPreload = encodeURIComponent(
  'const now = Date.now; const ahead = Number(process.env.CLOCK_AHEAD_MS); Date.now = () => now() + ahead',
)

type Message = Sent & { createdAtMs: number; acknowledgedAtMs: number | null; packetId: number | null; home: Gateway }

/** Sends what devices report through the gateways until it is told to stop. */
function startStorm(devices: FleetDevice[], gateways: Gateway[], random: Random, serverNowMs: () => number) {
  const messages: Message[] = []
  const later: Array<{ dueMs: number; message: Message }> = []
  const clocks = new Map(devices.map((device) => [device, Date.now() - 3 * 86_400_000]))
  const unacknowledged = new Map(devices.map((device) => [device, 0]))
  let packetId = packetIdAskedFrom

  /** Who tells the time by a clock of its own sends what it measured long ago; the others must speak when they measure. */
  const timeOf = (device: FleetDevice, nowMs: number): number =>
    device.kind === 'uptime' || device.kind === 'noclock' ? nowMs : (clocks.get(device) as number)

  function measure(device: FleetDevice, nth: number): void {
    clocks.set(device, (clocks.get(device) as number) + 60_000 + random.below(20_000))
    const createdAtMs = serverNowMs()
    const atMs = timeOf(device, createdAtMs)
    if (device.boots() < bootsMax && random.fraction() < 0.03) device.reboot(atMs)
    const sent = device.report(atMs)
    const message: Message = {
      ...sent,
      payload: sent.kind === 'json' ? padded(sent.payload) : sent.payload,
      createdAtMs,
      acknowledgedAtMs: null,
      packetId: sent.isKnownByPacket ? packetId++ : null,
      home: gateways[nth % gateways.length] as Gateway,
    }
    messages.push(message)
    unacknowledged.set(device, (unacknowledged.get(device) as number) + 1)
    sendCopy(message, false, () => unacknowledged.set(device, (unacknowledged.get(device) as number) - 1))
    for (let copy = 1; copy < 3; copy++) later.push({ dueMs: Date.now() + random.below(copyDelayMsMax), message })
  }

  function sendCopy(message: Message, dup: boolean, onFirst: () => void = () => {}): void {
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
      const isDue = random.fraction() < 0.2 && (unacknowledged.get(device) as number) < unacknowledgedMax
      if (isMeasuring && isDue) measure(device, nth)
    }
    sendLater()
  }, tickMs)

  return {
    messages,
    reboot() {
      for (const device of devices) if (device.kind === 'uptime') device.reboot(serverNowMs())
    },
    async finish() {
      isMeasuring = false
      await until(() => later.length === 0, 'every copy is on its way', 30_000)
      for (const gateway of gateways) await gateway.finish()
    },
    close: () => clearInterval(timer),
  }
}

/** What other parts of the journal have told before pushes a receive time on, since it grows from record to record. */
const lateMsMax = Number(process.env.DEWPOINT_WORKERS ?? 0) > 0 ? 500 : 2

const padded = (payload: Buffer) =>
  Buffer.from(JSON.stringify({ ...JSON.parse(payload.toString()), pad: 'x'.repeat(padBytes) }))

let server: DewpointServer
let gateways: Gateway[] = []
let storm: ReturnType<typeof startStorm> | null = null
afterEach(async () => {
  storm?.close()
  for (const gateway of gateways) gateway.close()
  await server?.close()
})

/** What is wrong with the stored values, times and amounts, as sentences. */
function problemsOf(devices: FleetDevice[], messages: Message[], points: StoredPoint[]): string[] {
  const messageOf = new Map<Measured, Message>(
    messages.flatMap((message) => message.measured.map((it) => [it, message])),
  )
  // A report that tells no time of its own was taken between its making and the first PUBACK, by both clocks.
  const boundsOf = (measured: Measured) => {
    const { createdAtMs, acknowledgedAtMs } = messageOf.get(measured) as Message
    if (acknowledgedAtMs === null) throw new Error('a message was never acknowledged')
    return [createdAtMs - measured.agoMs - 2, acknowledgedAtMs - measured.saidAgoMs + lateMsMax] as const
  }
  return devices.flatMap((device) => {
    const own = points.filter((point) => point.device === device.name && point.field === valueField)
    const values = own.filter((point) => point.measurement === device.kind) as StoredValue[]
    const rain = own.filter((point) => point.measurement === rainMeasurement)
    const tenths = rain.reduce((sum, { value }) => sum + Math.round((value as number) * 10), 0)
    const problems = valueProblems(device, values, boundsOf)
    if (tenths !== device.tenths()) problems.push(`${device.name}: ${tenths} of ${device.tenths()} tenths counted`)
    return problems
  })
}

/** A clock that leapt is told with each reading, and so is that the first report of an uptime tells little. */
function qualityProblems(devices: FleetDevice[], points: StoredPoint[]): string[] {
  return devices.flatMap(({ kind, name, measured }) => {
    const own = points.filter(({ device }) => device === name)
    const corrected = own.filter(({ field, value }) => field === timeQualityField && value === 'corrected').length
    const leapt = kind === 'uptime' || kind === 'noclock' ? 0 : measured.filter(({ timeMs }) => timeMs === null).length
    const first = own.some(
      ({ field, value }) => field === timeUncertaintyField && value === limits.timeUncertaintyMsFirst,
    )
    return [
      ...(corrected === leapt ? [] : [`${name}: ${corrected} times corrected, ${leapt} wanted`]),
      ...(first === (kind === 'uptime') ? [] : [`${name}: uncertain by an hour: ${first}`]),
    ]
  })
}

function suite(name: string, influxd: () => Influxd | undefined): void {
  test(`dewpoint stores the truth exactly in ${name} when every message comes three times in any order and it is killed again and again`, async () => {
    console.log(`SEED=${seed} (${name})`)
    const random = createRandom(seed)
    const store = influxd()
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${clockPreload}`, CLOCK_AHEAD_MS: '0' }
    const leap = () => {
      env.CLOCK_AHEAD_MS = String(Number(env.CLOCK_AHEAD_MS) + limits.ledgerEveryMs)
    }
    server = await startDewpoint({ ...(store && { influxd: store }), config: fleetRoutes, env })
    const serverNowMs = () => Date.now() + Number(env.CLOCK_AHEAD_MS)
    gateways = Array.from({ length: gatewayCount }, (_, i) =>
      startGateway({ port: server.mqttPort, client: `gateway-${i}` }),
    )
    const devices = kinds.flatMap((kind) =>
      ['d1', 'd2'].map((it) => createFleetDevice(kind, `${it}-${kind}`, random, serverNowMs())),
    )
    storm = startStorm(devices, gateways, random, serverNowMs)
    for (let i = 0; i < kills; i++) {
      await sleep(random.between(300, 2500))
      await server.stop(i === cleanStopAt ? 'SIGTERM' : 'SIGKILL')
      if (i === leapAt) {
        leap()
        // An uptime is reckoned from the clock that the server had: the truth of both would be another.
        storm.reboot()
      }
      await server.restart()
    }
    await storm.finish()
    const balance = await server.drained(60_000)

    // Open rows of the ledger come to the store with the next message behind their stretch.
    await server.stop('SIGKILL')
    leap()
    await server.restart()
    const last = createFleetDevice('value', 'last', random, serverNowMs()).report(serverNowMs())
    gateways[0]?.send({ topic: last.topic, payload: last.payload, dup: false, packetId: null })
    await gateways[0]?.finish()
    const lastBalance = await server.drained()

    const points = await storedPoints(server)
    const { messages } = storm
    const resent = gateways.reduce((sum, gateway) => sum + gateway.resent(), 0)
    const ledger = ledgerOf(points)
    console.log(JSON.stringify({ messages: messages.length, resent, balance, ledger, points: points.length }))
    expect(problemsOf(devices, messages, points)).toEqual([])
    expect(qualityProblems(devices, points)).toEqual([])
    expect(accountProblems(lastBalance)).toEqual([])
    expect(balance).toMatchObject({ stored: messages.length, quarantined: 0, damaged: 0, refused: 0 })
    expect(balance.duplicate).toBeGreaterThanOrEqual(2 * messages.length)
    expect(balance.duplicate).toBeLessThanOrEqual(2 * messages.length + resent)
    expect(lastBalance.stored).toBe(messages.length + 1)
    const { received, expected, missing = 0, duplicate } = ledger
    expect({ received, expected, missing, duplicate }).toEqual({
      received: messages.length,
      expected: messages.length,
      missing: 0,
      duplicate: balance.duplicate,
    })
  }, 180_000)
}

inBothStores(suite)
