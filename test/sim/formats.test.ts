/** What simulated devices send, in every format and by every clock, is read by their routes as exactly what they measured. */
import { expect, test } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { routesOf } from '../../devices-sim/device/format.ts'
import { caption, countingSensor, createRig, testProfile, tips, voltage } from '../../devices-sim/device/rig.ts'
import { type DeviceClock, type Format, formats, type Profile } from '../../devices-sim/profile.ts'
import type { Quantity } from '../../devices-sim/sensor.ts'
import { createDecider } from '../../ingest/decide.ts'
import { createState } from '../../ingest/state.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { MessageKind } from '../../telemetry/message.ts'
import type { Point } from '../../telemetry/point.ts'
import { isChannel } from '../../telemetry/schema.ts'

const clocks: DeviceClock[] = ['none', 'uptime', 'relative', 'rtc']
/** The finest that each format can say. */
const volts: Quantity = { ...voltage, resolution: 0.01 }
const temperature: Quantity = { channel: 'temperature', unit: 'Cel', resolution: 0.1, kind: 'gauge' }

/** Of a device without a clock the time is that of the arrival. */
const underWayMs = 100

function run(changes: Partial<Profile>, quantities: Quantity[]) {
  const profile = { ...testProfile, ...changes }
  const rig = createRig(changes, countingSensor(quantities))
  rig.pass(3600)
  const { routes } = loadConfig(
    routesOf([profile], () => quantities),
    'routes',
    {},
  )
  const decider = createDecider(routes, createState(null, createCounters()), createCounters())
  const points: Point[] = []
  const outcomes = rig.transport.reports().map(({ topic, payload, atMs, packetId }, i) =>
    decider.decide(
      {
        kind: MessageKind.publish,
        qos: 1,
        dup: false,
        retain: false,
        packetId,
        epoch: 1,
        client: 'home-d-0001',
        topic,
        payload,
        position: i,
        ordinal: i,
        receivedAtUs: (atMs + underWayMs) * 1000,
      },
      points,
    ),
  )
  return { rig, outcomes, points: points.filter(({ series }) => isChannel(series.measurement, series.field)) }
}

const cases = formats.flatMap((format) => clocks.map((clock): [Format, DeviceClock] => [format, clock]))

test.each(cases)('%s with clock %s is stored with the values and times of the truth', (format, clock) => {
  const all = format === 'text' ? [caption] : [volts, temperature, caption]
  const { rig, outcomes, points } = run({ format, clock, batch: 10, announcesNext: true }, all)
  expect(new Set(outcomes)).toEqual(new Set(['stored']))
  const { quantities } = rig.wire.layout
  let expected = 0
  for (const { samples, time, nth } of rig.of('report')) {
    const sentAtMs = rig.of('sent').find((it) => it.nth === nth)?.atMs as number
    for (const { takenAtMs, values } of samples) {
      for (const [i, value] of values.entries()) {
        if (value === null) continue
        expected++
        const own = points.filter(({ series }) => series.measurement === quantities[i]?.channel)
        const found = own.filter((it) => it.value === value)
        expect(found, `${quantities[i]?.channel} ${value}`).toHaveLength(1)
        const timeMs = Number((found[0] as Point).timeNs / 1_000_000n)
        const offMs = timeMs - takenAtMs
        if (time.how === 'exact') expect(Math.abs(offMs)).toBeLessThan(Math.max(1, time.resolutionMs))
        else if (time.how === 'arrival') expect(timeMs).toBe(sentAtMs + underWayMs)
        else {
          expect(offMs).toBeGreaterThanOrEqual(-time.resolutionMs)
          expect(offMs).toBeLessThanOrEqual(sentAtMs - takenAtMs + underWayMs + time.resolutionMs)
        }
      }
    }
  }
  expect(points).toHaveLength(expected)
  expect(expected).toBeGreaterThanOrEqual(60)
})

test.each(formats.filter((format) => format !== 'text'))('%s brings a counter as what was added', (format) => {
  const { outcomes, points } = run({ format, batch: 10 }, [tips, voltage])
  expect(new Set(outcomes)).toEqual(new Set(['stored']))
  const rain = points.filter(({ series }) => series.measurement === 'rainfall').map(({ value }) => value)
  // The first one gives no point.
  expect(rain).toEqual(Array.from({ length: 59 }, () => 0.2))
})

test.each(['gzip', 'zlib'] as const)('%s is told to the platform', (compression) => {
  const { outcomes, points } = run({ format: 'json', compression, batch: 10 }, [voltage])
  expect(new Set(outcomes)).toEqual(new Set(['stored']))
  expect(points).toHaveLength(60)
})

test('profiles of all formats together are one configuration', () => {
  const profiles = formats.map((format): Profile => ({ ...testProfile, name: `all-${format}`, format }))
  const text = routesOf(profiles, () => [voltage, temperature, caption])
  expect(() => loadConfig(text, 'routes', {})).not.toThrow()
})
