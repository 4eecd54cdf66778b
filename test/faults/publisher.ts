/**
 * A device under test load: publishes with QoS 1, and remembers of each reading whether a PUBACK came. When the broker is
 * gone it comes back, and sends again what was not acknowledged, in order, before anything new [MQTT-4.4.0-1], [MQTT-4.6.0-1].
 */
import { openLink } from './link.ts'
import { publishPacket } from './packets.ts'
import { until } from './waiting.ts'

/** json: `{"v":…,"t":…,"seq":…}`. number: a plain number, which only DUP tells from a second reading. */
export type PayloadKind = 'json' | 'number'

/** One reading as the device knows it. Values of a device are unique, so that a value names its reading. */
export type SentReading = {
  value: number
  /** Milliseconds since 1970; null when the payload carries no time. */
  timeMs: number | null
  payload: Buffer
  packetId: number
  isAcknowledged: boolean
}

export type PublisherOptions = {
  port: number
  device: string
  payload?: PayloadKind
  /** Readings that may wait for their PUBACK at the same time. */
  window?: number
  perSecond?: number
  /** JSON grows by this many bytes. */
  padBytes?: number
  /** Sends this many readings and no more. */
  readingsMax?: number
}

export type Publisher = {
  readonly device: string
  /** Everything that was ever sent, in order. */
  readonly sent: readonly SentReading[]
  acknowledged(): number
  /** Packets that were sent with DUP. */
  resent(): number
  isConnected(): boolean
  /** Sends nothing new; resolves when everything sent is acknowledged. */
  finish(withinMs?: number): Promise<void>
  /** Sends nothing new; what waits for its PUBACK goes on waiting. */
  pause(): void
  resume(): void
  close(): void
}

const tickMs = 10
const packetIdMax = 65_535

export function startPublisher(options: PublisherOptions): Publisher {
  const { port, device, payload = 'json', window = 1, perSecond = 1000, padBytes = 0 } = options
  const readingsMax = options.readingsMax ?? Number.POSITIVE_INFINITY
  const topic = `sensors/x/${device}/voltage`
  const startedAtMs = Date.now()
  const sent: SentReading[] = []
  const inFlight = new Map<number, SentReading>()
  let isPaused = false
  let acknowledged = 0
  let resent = 0
  let lastPacketId = 0
  /** Readings that the rate allows now. */
  let allowed = 1

  function nextReading(): SentReading {
    const seq = sent.length + 1
    do lastPacketId = (lastPacketId % packetIdMax) + 1
    while (inFlight.has(lastPacketId))
    const value = seq + 0.5
    // Four readings share each millisecond: only the sequence keeps them apart.
    const timeMs = payload === 'json' ? startedAtMs + (seq >> 2) : null
    const pad = padBytes > 0 ? { pad: 'x'.repeat(padBytes) } : {}
    const text = payload === 'json' ? JSON.stringify({ v: value, t: timeMs, seq, ...pad }) : String(value)
    return { value, timeMs, payload: Buffer.from(text), packetId: lastPacketId, isAcknowledged: false }
  }

  function fill(): void {
    if (!link.isConnected() || isPaused) return
    const packets: Buffer[] = []
    while (inFlight.size < window && allowed >= 1 && sent.length < readingsMax) {
      const reading = nextReading()
      allowed--
      sent.push(reading)
      inFlight.set(reading.packetId, reading)
      packets.push(publishPacket({ topic, ...reading, dup: false }))
    }
    if (packets.length > 0) link.write(Buffer.concat(packets))
  }

  function connected(): void {
    const again = [...inFlight.values()]
    resent += again.length
    for (const reading of again) link.write(publishPacket({ topic, ...reading, dup: true }))
    fill()
  }

  function puback(packetId: number): void {
    const reading = inFlight.get(packetId)
    if (reading === undefined) throw new Error(`${device}: PUBACK for ${packetId}, which is not in flight`)
    inFlight.delete(packetId)
    reading.isAcknowledged = true
    acknowledged++
  }

  const link = openLink({ port, client: device, connected, puback, answered: fill })

  const ticks = setInterval(() => {
    // Bounded: after an outage the load is what it was before.
    allowed = Math.min(allowed + (perSecond * tickMs) / 1000, Math.max(window, 1))
    fill()
  }, tickMs)

  return {
    device,
    sent,
    acknowledged: () => acknowledged,
    resent: () => resent,
    isConnected: link.isConnected,
    async finish(withinMs = 30_000) {
      isPaused = true
      await until(() => inFlight.size === 0, `every PUBACK of ${device} (window ${window})`, withinMs)
    },
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
    },
    close() {
      clearInterval(ticks)
      link.close()
    },
  }
}
