/** Many devices of one site, all of them determined by one seed. */
import assert from 'node:assert'
import { type Clock, systemClock } from '../telemetry/clock.ts'
import { createDevice, type Device } from './device.ts'
import { createRandom, memberSeed } from './random.ts'
import { createPulse, createRainfall, createVoltage } from './signals.ts'

export type FleetOptions = {
  url: string
  devices: number
  seed: number
  intervalMs: number
  site?: string
  /** Where the devices' count of readings starts, and the weather: a later run must come with a greater one. */
  startMs?: number
  clock?: Clock
}

export type FleetStats = {
  devices: number
  connected: number
  sent: number
  acknowledged: number
  dropped: number
  /** Why the last connect of some device failed; null when none did. */
  problem: string | null
}

export type Fleet = {
  stats(): FleetStats
  unplug(index: number): void
  plug(index: number): void
  /** Takes no more readings; true when all were acknowledged within the time. */
  drain(withinMs: number): Promise<boolean>
  close(): Promise<void>
}

/** Connects are spread, as after a power cut: all at once would measure the backlog of accept() and nothing else. */
const startSpreadMs = 2000
/** Shorter, and the count of three channels could overtake the time in ms that the next run starts from. */
export const intervalMsMin = 10

const deviceName = (index: number): string => `rg-${String(index + 1).padStart(4, '0')}`

export function createFleet(options: FleetOptions): Fleet {
  const { url, seed, intervalMs, site = 'demo', clock = systemClock } = options
  const startMs = options.startMs ?? clock.nowMs()
  assert(intervalMs >= intervalMsMin, `an interval of ${intervalMs} ms is too short`)
  const members = Array.from({ length: options.devices }, (_, index) => {
    const random = createRandom(memberSeed(seed, index))
    const device = createDevice({
      url,
      name: { site, device: deviceName(index) },
      signals: {
        rainfall: createRainfall(random, startMs),
        pulse: createPulse(random, startMs),
        voltage: createVoltage(random, startMs),
      },
      intervalMs,
      firstSequence: startMs,
      reconnectMs: Math.round(random.between(250, 1000)),
      clock,
    })
    const starting = setTimeout(device.start, startSpreadMs * random.fraction())
    return { device, starting }
  })

  const member = (index: number): Device => {
    const found = members[index]
    assert(found, `device ${index} of ${members.length}`)
    return found.device
  }
  const stopStarting = () => {
    for (const { starting } of members) clearTimeout(starting)
  }

  return {
    stats() {
      const total: FleetStats = {
        devices: members.length,
        connected: 0,
        sent: 0,
        acknowledged: 0,
        dropped: 0,
        problem: null,
      }
      for (const { device } of members) {
        const stats = device.stats()
        if (stats.isConnected) total.connected++
        total.sent += stats.sent
        total.acknowledged += stats.acknowledged
        total.dropped += stats.dropped
        total.problem ??= stats.problem
      }
      return total
    },
    unplug: (index) => member(index).unplug(),
    plug: (index) => member(index).plug(),
    async drain(withinMs) {
      stopStarting()
      let deadline: NodeJS.Timeout | undefined
      const late = new Promise<boolean>((resolve) => {
        deadline = setTimeout(resolve, withinMs, false)
      })
      const drained = Promise.all(members.map(({ device }) => device.drain())).then(() => true)
      const isDrained = await Promise.race([drained, late])
      clearTimeout(deadline)
      return isDrained
    },
    async close() {
      stopStarting()
      await Promise.all(members.map(({ device }) => device.close()))
    },
  }
}
