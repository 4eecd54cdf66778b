/**
 * One MQTT connection that carries messages of many devices with QoS 1. When the broker is gone it comes back, and sends
 * again what was not acknowledged, in order, before anything new [MQTT-4.4.0-1], [MQTT-4.6.0-1].
 */
import { openLink } from './link.ts'
import { publishPacket } from './packets.ts'
import { until } from './waiting.ts'

/** One copy of a message on its way. */
export type Parcel = {
  topic: string
  payload: Buffer
  dup: boolean
  /** Null: the next free one. Parcels that share one wait for each other. */
  packetId: number | null
  /** When it first went out, and when it was acknowledged, in milliseconds since 1970. */
  onSent?: (atMs: number) => void
  onAcknowledged?: (atMs: number) => void
}

export type Gateway = {
  readonly client: string
  /** Behind everything that waits, or `before` so many of them. */
  send(parcel: Parcel, before?: number): void
  /** What waits to be sent or acknowledged. */
  pending(): number
  /** Packets that were sent again after a broken connection. */
  resent(): number
  /** Resolves when everything is acknowledged. */
  finish(withinMs?: number): Promise<void>
  close(): void
}

/** Identifiers from here on are never given out, only asked for. */
export const packetIdAskedFrom = 30_000

export function startGateway(options: { port: number; client: string; window?: number }): Gateway {
  const { port, client, window = 20 } = options
  const waiting: Parcel[] = []
  const inFlight = new Map<number, Parcel>()
  let resent = 0
  let lastPacketId = 0

  function freePacketId(): number {
    do lastPacketId = (lastPacketId % (packetIdAskedFrom - 1)) + 1
    while (inFlight.has(lastPacketId))
    return lastPacketId
  }

  function fill(): void {
    if (!link.isConnected()) return
    const packets: Buffer[] = []
    while (inFlight.size < window) {
      const at = waiting.findIndex(({ packetId }) => packetId === null || !inFlight.has(packetId))
      if (at === -1) break
      const [parcel] = waiting.splice(at, 1) as [Parcel]
      const packetId = parcel.packetId ?? freePacketId()
      inFlight.set(packetId, parcel)
      parcel.onSent?.(Date.now())
      packets.push(publishPacket({ ...parcel, packetId }))
    }
    if (packets.length > 0) link.write(Buffer.concat(packets))
  }

  function connected(): void {
    resent += inFlight.size
    for (const [packetId, parcel] of inFlight) link.write(publishPacket({ ...parcel, packetId, dup: true }))
    fill()
  }

  function puback(packetId: number): void {
    const parcel = inFlight.get(packetId)
    if (parcel === undefined) throw new Error(`${client}: PUBACK for ${packetId}, which is not in flight`)
    inFlight.delete(packetId)
    parcel.onAcknowledged?.(Date.now())
  }

  const link = openLink({ port, client, connected, puback, answered: fill })

  const pending = () => waiting.length + inFlight.size
  return {
    client,
    send(parcel, before = 0) {
      waiting.splice(Math.max(0, waiting.length - before), 0, parcel)
      fill()
    },
    pending,
    resent: () => resent,
    finish: (withinMs = 30_000) => until(() => pending() === 0, `every PUBACK of ${client}`, withinMs),
    close() {
      link.close()
    },
  }
}
