import { expect, test } from 'vitest'
import { conversion, convert, unitNames } from './units.ts'

/** 1 of the unit, and 0 where that says more, in the primary unit of its registry entry. */
const entries: Array<[value: number, from: string, expected: number, to: string]> = [
  // [RFC 8428 §12.1]: other measures among the primary units.
  [0, 'Cel', 273.15, 'K'],
  [1, 'Cel', 274.15, 'K'],
  [1, 'g', 0.001, 'kg'],
  [1, 'l', 0.001, 'm3'],
  [1, 'l/s', 0.001, 'm3/s'],
  [1, '%', 1, '/'],
  [60, '1/min', 1, '1/s'],
  [60, 'beat/min', 1, '1/s'],
  [1, 'beats', 1, 'count'],
  [1, 'Bspl', 10, 'dB'],
  [1, 'B', 8, 'bit'],
  [360, 'deg', 6.28318530717959, 'rad'],
  // [RFC 8798 §3]
  [1, 'ms', 0.001, 's'],
  [1, 'min', 60, 's'],
  [1, 'h', 3600, 's'],
  [1, 'MHz', 1_000_000, 'Hz'],
  [1, 'kW', 1000, 'W'],
  [1, 'kVA', 1000, 'VA'],
  [1, 'kvar', 1000, 'var'],
  [1, 'Ah', 3600, 'C'],
  [1, 'Wh', 3600, 'J'],
  [1, 'kWh', 3_600_000, 'J'],
  [1, 'varh', 3600, 'vars'],
  [1, 'kvarh', 3_600_000, 'vars'],
  [1, 'kVAh', 3_600_000, 'VAs'],
  [1, 'Wh/km', 3.6, 'J/m'],
  [1, 'KiB', 1024, 'B'],
  [1, 'GB', 1_000_000_000, 'B'],
  [1, 'Mbit/s', 1_000_000, 'bit/s'],
  [1, 'B/s', 8, 'bit/s'],
  [1, 'MB/s', 8_000_000, 'bit/s'],
  [1, 'mV', 0.001, 'V'],
  [1, 'mA', 0.001, 'A'],
  [0, 'dBm', -30, 'dBW'],
  [30, 'dBm', 0, 'dBW'],
  [1, 'ug/m3', 1e-9, 'kg/m3'],
  [1, 'mm/h', 2.77777777777778e-7, 'm/s'],
  [1, 'm/h', 2.77777777777778e-4, 'm/s'],
  [1, 'ppm', 1e-6, '/'],
  [1, '/100', 0.01, '/'],
  [1, '/1000', 0.001, '/'],
  [1, 'hPa', 100, 'Pa'],
  [1, 'mm', 0.001, 'm'],
  [1, 'cm', 0.01, 'm'],
  [1, 'km', 1000, 'm'],
  [3.6, 'km/h', 1, 'm/s'],
  // Registered since.
  [1, 'ppb', 1e-9, '/'],
  [1, 'ppt', 1e-12, '/'],
  [1, 'VAh', 3600, 'VAs'],
  [1, 'mg/l', 0.001, 'kg/m3'],
  [1, 'ug/l', 1e-6, 'kg/m3'],
  [1, 'g/l', 1, 'kg/m3'],
]

test.each(entries)('convert makes %d %s into %d %s', (value, from, expected, to) => {
  expect(convert(value, from, to)).toBe(expected)
})

test('convert knows no unit that is neither primary nor tested here', () => {
  const tested = new Set(entries.map(([, from]) => from))
  const untested = unitNames.filter((unit) => !tested.has(unit))
  expect(untested.join(' ')).toBe(
    'm kg s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H lm lx Bq Gy Sv kat m2 m3 m/s m/s2 m3/s W/m2 cd/m2 bit ' +
      'bit/s lat lon pH dB dBW count / %RH %EL EL 1/s S/m VA VAs var vars J/m kg/m3 NTU',
  )
  for (const unit of untested) expect(convert(1.25, unit, unit)).toBe(1.25)
})

test('convert comes back to the same value', () => {
  for (const [, from, , to] of entries) {
    for (const value of [0, -40, 3.712, 1013.25, 123_456]) {
      expect(convert(convert(value, from, to) as number, to, from)).toBeCloseTo(value, 6)
    }
  }
})

test('convert goes from one secondary unit to another', () => {
  expect(convert(12.3, 'cm', 'mm')).toBe(123)
  expect(convert(3712, 'mV', 'V')).toBe(3.712)
  expect(convert(0.0002, 'm', 'mm')).toBe(0.2)
  expect(convert(293.15, 'K', 'Cel')).toBe(20)
  expect(convert(72, 'beat/min', '1/min')).toBe(72)
})

test('convert leaves a value as it is between equal names, known or not', () => {
  expect(convert(0.1 + 0.2, 'tips', 'tips')).toBe(0.1 + 0.2)
})

test('convert says null for names it does not know, and for other quantities', () => {
  expect(convert(1, 'tips', 'mm')).toBe(null)
  expect(convert(1, 'mm', 'tips')).toBe(null)
  expect(convert(1, 'mV', 'A')).toBe(null)
  expect(convert(1, 's', 'S')).toBe(null)
  expect(convert(1, 'lat', 'lon')).toBe(null)
  expect(convert(1, '%RH', '/100')).toBe(null)
  expect(conversion('constructor', 'm')).toBe(null)
})
