/** The fleet that `npm start` shows: rainfall, pulse and voltage on the default topics, by signals that run faster than nature. */
import assert from 'node:assert'
import { mainsMeter } from './energy/mains.ts'
import { createFleet, type Fleet, type FleetOptions } from './fleet.ts'
import { perfectLink } from './link/link.ts'
import { createSocketTransport } from './link/socket-transport.ts'
import type { Profile } from './profile.ts'
import { profileDefaults } from './scenario/defaults.ts'
import type { Quantity, Sensor } from './sensor.ts'
import { createPulse, createRainfall, createVoltage, type Signal } from './signals.ts'
import { createRealClock } from './sim-clock.ts'
import { noTruth } from './truth/truth.ts'

/** Shorter, and a count could overtake the time in ms that the next run starts from. */
export const intervalMsMin = 10

export function demoProfile(options: { devices: number; intervalMs: number; site?: string }): Profile {
  const { devices, intervalMs, site = 'demo' } = options
  assert(intervalMs >= intervalMsMin, `an interval of ${intervalMs} ms is too short`)
  return {
    ...profileDefaults,
    name: 'demo',
    site,
    count: devices,
    prefix: 'rg',
    sensors: ['rain', 'pulse', 'voltage'],
    sampleEveryS: intervalMs / 1000,
    format: 'value',
    boot: false,
    keepAliveS: 30,
    window: 1000,
    retryS: 0.5,
    radio: 'mains',
    cell: 'mains',
    boardUa: 0,
    link: perfectLink,
  }
}

const sensorOf = (quantity: Quantity, signal: Signal): Sensor => ({
  quantities: [quantity],
  sample: (nowMs) => [signal(nowMs)],
})

const createDemoSensors: FleetOptions['createSensors'] = (_profile, random, startMs) => [
  sensorOf({ channel: 'rainfall', unit: 'mm', resolution: 0.2, kind: 'increment' }, createRainfall(random, startMs)),
  sensorOf({ channel: 'pulse', unit: 'beat/min', resolution: 1, kind: 'gauge' }, createPulse(random, startMs)),
  sensorOf({ channel: 'voltage', unit: 'V', resolution: 0.001, kind: 'gauge' }, createVoltage(random, startMs)),
]

/** What a fleet of the demonstration is made of, beside profile, seed, clock and transport. Nobody checks what it sends. */
export const demoParts = {
  createSensors: createDemoSensors,
  createMeter: () => mainsMeter,
  truth: noTruth,
} satisfies Partial<FleetOptions>

/** It runs already, against a real server, and closes its sockets with itself. */
export function startDemoFleet(options: {
  url: string
  devices: number
  seed: number
  intervalMs: number
  site?: string
}): Fleet {
  const transport = createSocketTransport({ url: options.url, connections: null })
  const clock = createRealClock()
  const fleet = createFleet({
    ...demoParts,
    profiles: [demoProfile(options)],
    seed: options.seed,
    clock,
    transport,
    startMs: clock.nowMs(),
  })
  fleet.start()
  return {
    ...fleet,
    async close() {
      await fleet.close()
      await transport.close()
    },
  }
}
