import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMemory, isProblem } from '../telemetry/reading.ts'
import { formats, type SampleSeries } from './formats.ts'
import { encodeHour, encodeOne, hours, payloadSizes, publishBytes, wireBytes } from './payload-table.ts'

test('docs/payload-sizes.md is what the encoders give: npm run payload-sizes writes it', () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/payload-sizes.md'), 'utf8')).toBe(payloadSizes())
})

test('packed holds 60 voltage readings in at most 40 bytes', () => {
  const packed = formats.find(({ name }) => name === 'packed')
  expect(packed && encodeHour(packed, hours.voltage as SampleSeries)?.length).toBeLessThanOrEqual(40)
})

test.each(formats)('the payloads of $name hold what was measured', (format) => {
  for (const series of Object.values(hours)) {
    const decode = (payload: Buffer) => {
      const reports = format.codec.decode(payload, { topic: 'spBv1.0/g/NDATA/e', memory: createMemory() })
      if (isProblem(reports)) throw new Error(reports.detail)
      return reports.flatMap(({ readings }) => readings.map(({ value }) => Math.round(Number(value) * 1000) / 1000))
    }
    const scale = (counts: number[]) => {
      const [report] = format.reports(series, counts, 0)
      return report?.readings.map(({ value }) => value)
    }
    const hour = encodeHour(format, series)
    if (hour !== null) expect(decode(hour)).toEqual(scale(series.counts))
    const [one] = decode(encodeOne(format, series))
    // Cayenne LPP keeps two digits.
    expect(one).toBeCloseTo(scale([Math.max(...series.counts)])?.[0] as number, format.name === 'cayenne-lpp' ? 1 : 6)
  }
})

test('bytes on the wire are those that were captured from mqtt.js and aedes', () => {
  expect([publishBytes(15, 2), publishBytes(48, 31), publishBytes(15, 442)]).toEqual([23, 85, 464])
  expect(wireBytes(15, 31, false)).toBe(216)
  expect(wireBytes(15, 31, true)).toBe(260)
})
