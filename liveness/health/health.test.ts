/** Findings from reports, the same after a restart; points once an hour; bounded whatever devices send. */
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'
import { createHealth, type Health } from './health.ts'

const name = { site: 'home', device: 'gauge-1' }
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const sighted = (channel: string, unit: string, value: SightedValue['value']) => ({ channel, unit, value, timeMs: 0 })
const fresh = () => createHealth({ saved: null, cellOf: () => null })
const tell = (
  health: Health,
  atMs: number,
  values: SightedValue[],
  boot: number | null = null,
  clockErrorMs: number | null = null,
) => health.take(name, { values, boot, clockErrorMs, atMs })

test('health knows nothing of a device that it never heard', () => {
  expect(fresh().findings(name, 0)).toBe(null)
})

test('health finds nothing when all is well', () => {
  const health = fresh()
  tell(health, 0, [sighted('voltage', 'V', 2.9), sighted('rssi', 'dBm', -70), sighted('temp', 'Cel', 20)], 1, 40)
  expect(health.findings(name, 0)).toEqual([])
})

test('health finds a low battery, with its chemistry and the days that are left', () => {
  const health = fresh()
  for (let day = 0; day <= 100; day++) tell(health, day * dayMs, [sighted('env.battery', 'mV', 2990 - 6 * day)])
  const [found] = health.findings(name, 100 * dayMs) ?? []
  expect(found).toMatchObject({ what: 'battery_low', severity: 'warning', unit: '%' })
  expect(found?.why).toMatch(/^\d+ % left at 2\.39 V \(2 × AA alkaline, by its voltage\), \d+ to \d+ days$/)
})

test('health takes the word of a device that tells percent', () => {
  const health = fresh()
  tell(health, 5, [sighted('battery', '%', 3)])
  expect(health.findings(name, 5)).toMatchObject([{ what: 'battery_low', severity: 'critical', value: 3, sinceMs: 5 }])
})

test('health finds a bad signal, a loop of boots, a clock that is off and a broken sensor', () => {
  const health = fresh()
  for (let i = 0; i < 8; i++) {
    tell(health, i * 60_000, [sighted('signal', 'dBm', -120), sighted('soil', 'Cel', -127)], 100 + i, -7_200_000)
  }
  const found = health.findings(name, 8 * 60_000) ?? []
  expect(found.map(({ what, severity }) => [what, severity])).toEqual([
    ['signal', 'warning'],
    ['reboots', 'critical'],
    ['clock', 'critical'],
    ['impossible', 'warning'],
  ])
  tell(health, 9 * 60_000, [sighted('soil', 'Cel', 12)], 107, 10)
  expect(health.findings(name, 9 * 60_000)?.map(({ what }) => what)).toEqual(['signal', 'reboots'])
})

test('health is the same after a restart', () => {
  const health = fresh()
  for (let day = 0; day < 90; day++) {
    tell(health, day * dayMs, [sighted('voltage', 'V', 2.9 - day * 0.006), sighted('rssi', 'dBm', -110)], day, 90_000)
  }
  const again = createHealth({ saved: JSON.parse(JSON.stringify(health.save())), cellOf: () => null })
  for (const it of [health, again]) tell(it, 90 * dayMs, [sighted('voltage', 'V', 2.36)])
  expect(again.findings(name, 90 * dayMs)).toEqual(health.findings(name, 90 * dayMs))
  expect(again.findings(name, 90 * dayMs)?.length).toBeGreaterThan(1)
})

test('health writes a point of each field that is known once an hour', () => {
  const health = fresh()
  for (let minute = 0; minute < 90; minute++) tell(health, minute * 60_000, [sighted('rssi', 'dBm', -70)], 1)
  const fields = health.pointsOf().map(({ series, value }) => [series.measurement, series.field, value])
  expect(fields).toEqual([
    ['device_health', 'signal_dbm', -70],
    ['device_health', 'reboots_day', 0],
    ['device_health', 'channels_wrong', 0],
  ])
  expect(health.pointsOf()).toEqual([])
  tell(health, 2 * hourMs, [])
  expect(health.pointsOf()[0]?.timeNs).toBe(BigInt(2 * hourMs) * 1_000_000n)
})

test('health keeps no more channels than its limit, and is not led astray by their names', () => {
  const health = fresh()
  const names = ['__proto__', 'constructor', ...Array.from({ length: 1000 }, (_, i) => `c${i}`)]
  tell(health, 0, [
    ...names.map((channel) => sighted(channel, '', 1)),
    sighted('voltage', 'V', 'full'),
    sighted('rssi', 'V', 3),
  ])
  expect(health.save()[0]?.channels).toHaveLength(limits.healthChannelsMax)
  expect(health.findings(name, 0)).toEqual([])
})
