import { expect, test, vi } from 'vitest'
import { timeMsMax } from '../telemetry/point.ts'
import { ParameterError, parseTime } from './parameters.ts'

test.each(['UTC', 'Europe/Berlin'])(
  'parseTime takes a time without a zone as UTC when the machine is in %s',
  (zone) => {
    vi.stubEnv('TZ', zone)
    try {
      const noon = Date.UTC(2026, 4, 1, 12)
      for (const text of [
        '2026-05-01T12:00',
        '2026-05-01T12:00:00.000000017Z',
        '2026-05-01T14:00+02:00',
        String(noon),
      ]) {
        expect([text, parseTime('from', text)]).toEqual([text, noon])
      }
      expect(parseTime('from', '2026-05-01')).toBe(noon - 12 * 3_600_000)
    } finally {
      vi.unstubAllEnvs()
    }
  },
)

test.each(['yesterday 1', 'May 5', '2026-13-01', ''])(
  'parseTime gives no time of the engine when %j is given',
  (text) => {
    expect(() => parseTime('to', text)).toThrow(ParameterError)
  },
)

test('parseTime stays within what can be stored when a time lies beyond it', () => {
  expect(parseTime('to', undefined)).toBeNull()
  expect(parseTime('from', '1950-01-01')).toBe(0)
  expect(parseTime('to', '9999-12-31T23:59:59Z')).toBe(timeMsMax)
})
