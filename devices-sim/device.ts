/**
 * One battery device that speaks real MQTT: a birth on each connect, a will for when it breaks off, one reading of each
 * channel per interval with QoS 1. What was not acknowledged is kept and sent again after a reconnect.
 */
import { MqttClient } from 'mqtt'
import type { Clock } from '../telemetry/clock.ts'
import { encodeValue } from '../telemetry/codec/value.ts'
import type { DeviceName } from '../telemetry/device.ts'
import { readingTopic, statusTopic } from '../telemetry/schema.ts'
import { createLink, credentials } from './link.ts'
import type { Signal } from './signals.ts'

export type DeviceOptions = {
  url: string
  name: DeviceName
  /** By channel. */
  signals: Record<string, Signal>
  intervalMs: number
  /**
   * The device's count starts here. Given the time of the start in ms, a device never repeats a number over its runs,
   * as long as it sends fewer than 1000 readings a second.
   */
  firstSequence: number
  reconnectMs: number
  clock: Clock
}

export type DeviceStats = {
  isConnected: boolean
  sent: number
  acknowledged: number
  /** Readings not taken because too many wait for their acknowledgement. */
  dropped: number
  /** Why the last connect failed; null when none did. */
  problem: string | null
}

export type Device = {
  start(): void
  stats(): DeviceStats
  /** Breaks the connection without DISCONNECT and stays away until plug(). Readings are taken and kept meanwhile. */
  unplug(): void
  plug(): void
  /** Takes no more readings; resolves when all are acknowledged, without a bound in time. */
  drain(): Promise<void>
  /** Drains, says that it leaves, disconnects. A server that does not answer holds this up for closeMsMax. */
  close(): Promise<void>
}

/** What a small device's memory holds; also far below the 65,535 packet identifiers of a connection. */
const unacknowledgedMax = 1000
const closeMsMax = 2000
const keepAliveS = 30

export const fillTopic = (pattern: string, { site, device }: DeviceName): string =>
  pattern.replace('{site}', site).replace('{device}', device)

export function createDevice(options: DeviceOptions): Device {
  const { url, name, clock } = options
  const link = createLink(url)
  const status = fillTopic(statusTopic, name)
  const channels = Object.entries(options.signals).map(([channel, signal]) => ({
    topic: fillTopic(readingTopic(channel), name),
    signal,
  }))
  let client: MqttClient | undefined
  let timer: NodeJS.Timeout | undefined
  let isDraining = false
  let sequence = options.firstSequence
  let sent = 0
  let acknowledged = 0
  let dropped = 0
  let problem: string | null = null
  let whenDrained: Array<() => void> = []

  function sample(client: MqttClient): void {
    const timeMs = clock.nowMs()
    for (const { topic, signal } of channels) {
      if (sent - acknowledged >= unacknowledgedMax) {
        dropped++
        continue
      }
      sent++
      client.publish(
        topic,
        encodeValue({ value: signal(timeMs), timeMs, sequence: sequence++ }),
        { qos: 1 },
        (error) => {
          if (error) return
          acknowledged++
          if (acknowledged < sent) return
          for (const resolve of whenDrained) resolve()
          whenDrained = []
        },
      )
    }
  }

  function start(): void {
    const connecting = new MqttClient(link.open, {
      ...credentials(url),
      clientId: `${name.site}-${name.device}`,
      clean: true,
      keepalive: keepAliveS,
      reconnectPeriod: options.reconnectMs,
      // A server that refuses now may accept later.
      reconnectOnConnackError: true,
      will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true },
    })
    client = connecting
    connecting.on('error', (error) => {
      problem = error.message || String((error as NodeJS.ErrnoException).code)
    })
    connecting.on('connect', () => {
      connecting.publish(status, 'online', { qos: 1, retain: true })
      if (timer !== undefined || isDraining) return
      sample(connecting)
      timer = setInterval(sample, options.intervalMs, connecting)
    })
  }

  function drain(): Promise<void> {
    isDraining = true
    clearInterval(timer)
    if (acknowledged === sent) return Promise.resolve()
    return new Promise((resolve) => whenDrained.push(resolve))
  }

  async function leave(client: MqttClient): Promise<void> {
    await drain()
    if (!client.connected) return
    // DISCONNECT deletes the will, and the retained birth would claim for ever that the device is there.
    await client.publishAsync(status, 'offline', { qos: 1, retain: true })
    await client.endAsync()
  }

  async function close(): Promise<void> {
    isDraining = true
    if (client === undefined) return
    let deadline: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, closeMsMax)
    })
    await Promise.race([leave(client), late])
    clearTimeout(deadline)
    client.end(true)
    link.unplug()
  }

  return {
    start,
    stats: () => ({ isConnected: client?.connected === true, sent, acknowledged, dropped, problem }),
    unplug: link.unplug,
    plug: link.plug,
    drain,
    close,
  }
}
