import { expect, test } from 'vitest'
import type { Profile } from '../profile.ts'
import { createRandom } from '../random.ts'
import { publishHeaderBytes } from './bytes.ts'
import { brownOutVolts, cells, deliveryProblem } from './cells.ts'
import { createMeter } from './create-meter.ts'
import { profileOf } from './design.ts'
import { estimate, type Load, typicalConnect } from './estimate.ts'
import { causes } from './meter.ts'
import { radios } from './radios.ts'

const startMs = 1_700_000_000_000
const dayMs = 86_400_000
const meterOf = (profile: Profile) => createMeter(profile, createRandom(7), startMs)

/** The calls of a device on a quiet day, with waits as the radio has them. */
function liveADay(profile: Profile, { payloadBytes, topicBytes, messages }: Load) {
  const meter = meterOf(profile)
  const { qos, keepAliveS, connection, sampleEveryS, batch } = profile
  const isHeld = connection === 'held'
  const header = publishHeaderBytes(topicBytes, payloadBytes, qos)
  const gapMs = sampleEveryS * batch * 1000
  if (isHeld) meter.connected(startMs, 0, 0)
  for (let atMs = startMs; atMs < startMs + dayMs; atMs += gapMs) {
    if (!isHeld) meter.connected(atMs, typicalConnect.up, typicalConnect.down)
    for (let i = 0; i < messages; i++)
      meter.published(atMs, { header, topic: topicBytes, payload: payloadBytes }, qos === 1)
    if (!isHeld) meter.disconnected(atMs + qos * radios[profile.radio].roundTripS * 1000)
    const pings = !isHeld || keepAliveS === 0 ? [] : Array.from({ length: Math.ceil(gapMs / keepAliveS / 1000) - 1 })
    const events = [
      ...pings.map((_, i) => ({ afterMs: (i + 1) * keepAliveS * 1000, tell: (ms: number) => meter.pinged(ms) })),
      ...Array.from({ length: batch }, (_, i) => ({
        afterMs: i * sampleEveryS * 1000 + sampleEveryS * 500,
        tell: (ms: number) => meter.sampled(ms),
      })),
    ]
    for (const { afterMs, tell } of events.sort((a, b) => a.afterMs - b.afterMs)) tell(atMs + afterMs)
  }
  return meter.bill(startMs + dayMs)
}

const load: Load = { payloadBytes: 120, topicBytes: 30, messages: 1 }
const designs: Array<[string, Partial<Profile>, Load]> = [
  ['LTE-M held, keepalive 60 s, hourly', { batch: 60 }, load],
  ['LTE-M held, each minute', { keepAliveS: 0 }, load],
  ['LTE-M held, each 5 s, so that it never sleeps', { sampleEveryS: 5 }, load],
  ['LTE-M that connects each hour', { batch: 60, connection: 'wake' }, load],
  ['NB-IoT that connects each hour, QoS 0', { radio: 'nb-iot', batch: 60, connection: 'wake', qos: 0 }, load],
  ['NB-IoT held, keepalive 1000 s', { radio: 'nb-iot', batch: 60, keepAliveS: 1000 }, load],
  ['ESP32 that connects each minute', { radio: 'esp32-wifi', cell: 'lipo-1ah', connection: 'wake', tls: 'none' }, load],
  ['ESP32 held, three messages', { radio: 'esp32-wifi', cell: 'lipo-1ah' }, { ...load, messages: 3 }],
  ['LoRa each minute, confirmed', { radio: 'lora-backhaul' }, { ...load, messages: 2 }],
  ['BLE each second', { radio: 'ble-gateway', cell: 'cr2032', sampleEveryS: 1 }, { ...load, payloadBytes: 20 }],
]

test.each(designs)('meter and estimate agree within 2 %% when it is a quiet day: %s', (_, changes, sent) => {
  const profile = profileOf(changes)
  const [metered, estimated] = [liveADay(profile, sent), estimate(profile, sent)]
  for (const cause of causes) {
    const [ours, theirs] = [metered.perDay[cause], estimated.perDay[cause]]
    const slack = 0.01 * estimated.milliJoulesPerDay
    expect(Math.abs(ours.milliJoules - theirs.milliJoules), `${cause} mJ`).toBeLessThan(
      slack + 0.02 * theirs.milliJoules,
    )
    // The connection that is held is opened once, which formulas leave out.
    if (cause !== 'handshake') expect(ours.bytes, `${cause} bytes`).toBeCloseTo(theirs.bytes, 3)
  }
  expect(metered.milliJoulesPerDay / estimated.milliJoulesPerDay).toBeCloseTo(1, 1)
})

test('meter bills the same when nobody asks for a day and when somebody asks each second', () => {
  const profile = profileOf({ solar: true, cell: 'lipo-1ah', radio: 'esp32-wifi' })
  const [asked, silent] = [meterOf(profile), meterOf(profile)]
  for (const meter of [asked, silent]) {
    meter.connected(startMs, 48, 4)
    meter.published(startMs, { header: 7, topic: 20, payload: 30 }, true)
  }
  for (let s = 1; s < 86_400; s += 7) asked.volts(startMs + s * 1000, false)
  const endMs = startMs + dayMs
  expect(asked.bill(endMs).milliJoulesPerDay).toBeCloseTo(silent.bill(endMs).milliJoulesPerDay, 3)
})

test('meter bills no wake when packets come one after another', () => {
  const meter = meterOf(profileOf({ keepAliveS: 0 }))
  meter.connected(startMs, 48, 4)
  const woken = meter.bill(startMs + 1).perDay.handshake.milliJoules
  meter.published(startMs + 1, { header: 7, topic: 20, payload: 30 }, true)
  meter.published(startMs + 5000, { header: 7, topic: 20, payload: 30 }, true)
  // Per day of so short a time: as totals.
  const total = (atMs: number) => (meter.bill(atMs).perDay.handshake.milliJoules * (atMs - startMs)) / dayMs
  expect(total(startMs + 6000)).toBeCloseTo(woken / dayMs, 6)
  meter.published(startMs + 60_000, { header: 7, topic: 20, payload: 30 }, true)
  expect(total(startMs + 60_001)).toBeCloseTo(woken / dayMs + radios['lte-m'].wakeMilliJoules, 3)
})

test('the radio stays on when the link is slow and the device waits for its PUBACK', () => {
  const wake = profileOf({ connection: 'wake', radio: 'esp32-wifi', cell: 'lipo-1ah' })
  const bills = [20, 30_000].map((waitMs) => {
    const meter = meterOf(wake)
    meter.connected(startMs, 48, 4)
    meter.published(startMs, { header: 7, topic: 20, payload: 30 }, true)
    meter.disconnected(startMs + waitMs)
    return meter.bill(startMs + dayMs).milliJoulesPerDay
  })
  expect((bills[1] as number) - (bills[0] as number)).toBeCloseTo(29.98 * radios['esp32-wifi'].onMilliWatts, 0)
})

test('the cell sags under the radio, falls to its brown-out and is empty in the end', () => {
  const profile = profileOf({ radio: 'esp32-wifi', cell: 'lipo-1ah', keepAliveS: 0 })
  const meter = meterOf(profile)
  meter.connected(startMs, 48, 4)
  const [rest, loaded] = [meter.volts(startMs, false) as number, meter.volts(startMs, true) as number]
  expect(rest).toBeCloseTo(4.19, 2)
  expect(rest - loaded).toBeCloseTo(0.5 * 0.15, 3)
  const life = meter.bill(startMs + dayMs).daysOfLife as number
  expect(meter.isEmpty(startMs + 0.85 * life * dayMs)).toBe(false)
  expect(meter.isEmpty(startMs + 1.15 * life * dayMs)).toBe(true)
  const cell = cells['lipo-1ah']
  if (cell === null) throw new Error('lipo-1ah is no mains')
  expect(meter.volts(startMs + 2 * life * dayMs, true)).toBeLessThan(brownOutVolts(cell, radios['esp32-wifi']))
})

test('the sun keeps a cell that can be charged full, and no other', () => {
  const charges = (['lipo-1ah', 'li-socl2-aa'] as const).map((cell) => {
    const meter = meterOf(profileOf({ cell, solar: true, radio: 'lora-backhaul', boardUa: 2000 }))
    for (let hour = 0; hour <= 24 * 200; hour++) meter.isEmpty(startMs + hour * 3_600_000)
    return meter.charge(startMs + 200 * dayMs)
  })
  expect(charges[0]).toBeGreaterThan(0.9)
  expect(charges[1]).toBe(0)
})

test('mains has no volts and never ends', () => {
  const meter = meterOf(profileOf({ radio: 'mains', cell: 'mains' }))
  meter.connected(startMs, 48, 4)
  expect(meter.volts(startMs, true)).toBeNull()
  expect(meter.isEmpty(startMs + 1e6 * dayMs)).toBe(false)
  expect(meter.bill(startMs + dayMs)).toMatchObject({ daysOfLife: null, limit: 'none', milliJoulesPerDay: 0 })
})

test('an earlier time than the last one changes nothing', () => {
  const meter = meterOf(profileOf({}))
  meter.sampled(startMs + 1000)
  const before = meter.charge(startMs + 1000)
  expect(meter.charge(startMs)).toBe(before)
})

test('a cell cannot feed a radio that it sags under, and says by how much', () => {
  expect(deliveryProblem(cells.cr2032, radios['esp32-wifi'])).toMatch(/sags to 0\.0 V under 500 mA.*3\.0 V wanted/)
  expect(deliveryProblem(cells['alkaline-2aa'], radios['lte-m'])).not.toBeNull()
  expect(deliveryProblem(cells.cr2032, radios['ble-gateway'])).toBeNull()
  expect(deliveryProblem(cells['li-socl2-aa'], radios['lte-m'])).toBeNull()
  expect(deliveryProblem(cells['li-socl2-aa'], radios['lte-m'], -20)).toMatch(/at -20 °C/)
})
