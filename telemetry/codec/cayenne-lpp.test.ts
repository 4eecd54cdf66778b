import { expect, test } from 'vitest'
import { createMemory, isProblem, type Reading } from '../reading.ts'
import { cayenneLppCodec } from './cayenne-lpp.ts'
import { createChance, tamper } from './hostile.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (hex: string) => cayenneLppCodec.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), context)
const reading = (channel: string, value: number, unit = ''): Reading => ({
  channel,
  value,
  unit,
  timeBase: 'none',
  timeMs: 0,
})
const encode = (...readings: Reading[]) => cayenneLppCodec.encode([{ readings }]).toString('hex')

// The first four are the examples of the format's own description (myDevices).
test.each<[string, string, Array<[string, number, string]>]>([
  [
    'two temperatures',
    '03670110 056700ff',
    [
      ['temperature_3', 27.2, 'Cel'],
      ['temperature_5', 25.5, 'Cel'],
    ],
  ],
  ['a temperature below zero', '0167ffd7', [['temperature_1', -4.1, 'Cel']]],
  [
    'acceleration',
    '067104d2fb2e0000',
    [
      ['accelerometer_6.x', 12.1014061, 'm/s2'],
      ['accelerometer_6.y', -12.1014061, 'm/s2'],
      ['accelerometer_6.z', 0, 'm/s2'],
    ],
  ],
  [
    'a position',
    '018806765ff2960a0003e8',
    [
      ['gps_1.latitude', 42.3519, 'lat'],
      ['gps_1.longitude', -87.9094, 'lon'],
      ['gps_1.altitude', 10, 'm'],
    ],
  ],
  [
    'inputs and outputs',
    '010001 020100 03020073 0403ff8d',
    [
      ['digital_in_1', 1, ''],
      ['digital_out_2', 0, ''],
      ['analog_in_3', 1.15, ''],
      ['analog_out_4', -1.15, ''],
    ],
  ],
  [
    'humidity and pressure',
    '016865 02732785',
    [
      ['relative_humidity_1', 50.5, '%RH'],
      ['barometric_pressure_2', 1011.7, 'hPa'],
    ],
  ],
  [
    'light and presence',
    '0165ffff 026601',
    [
      ['luminosity_1', 65_535, 'lx'],
      ['presence_2', 1, ''],
    ],
  ],
  [
    'voltage and current',
    '01740173 02750010',
    [
      ['voltage_1', 3.71, 'V'],
      ['current_2', 0.016, 'A'],
    ],
  ],
  [
    'generic and frequency',
    '0164ffffffff 027600000032',
    [
      ['generic_1', 4_294_967_295, ''],
      ['frequency_2', 50, 'Hz'],
    ],
  ],
  [
    'percentage and altitude',
    '017864 0279fff6',
    [
      ['percentage_1', 100, '%'],
      ['altitude_2', -10, 'm'],
    ],
  ],
  [
    'concentration, power and direction',
    '017d0190 02800064 03840168',
    [
      ['concentration_1', 400, 'ppm'],
      ['power_2', 100, 'W'],
      ['direction_3', 360, 'deg'],
    ],
  ],
  [
    'distance and energy',
    '018200000001 02830000000a',
    [
      ['distance_1', 0.001, 'm'],
      ['energy_2', 0.01, 'kWh'],
    ],
  ],
  [
    'rotation',
    '01860001ffff0064',
    [
      ['gyrometer_1.x', 0.01, 'deg/s'],
      ['gyrometer_1.y', -0.01, 'deg/s'],
      ['gyrometer_1.z', 1, 'deg/s'],
    ],
  ],
  [
    'colour and switch',
    '0187ff8000 ff8e01',
    [
      ['colour_1.red', 255, ''],
      ['colour_1.green', 128, ''],
      ['colour_1.blue', 0, ''],
      ['switch_255', 1, ''],
    ],
  ],
])('cayenne-lpp codec reads and writes %s', (_, hex, wanted) => {
  const readings = wanted.map(([channel, value, unit]) => reading(channel, value, unit))
  expect(decode(hex)).toEqual([{ readings }])
  expect(encode(...readings)).toBe(hex.replaceAll(' ', ''))
})

test('cayenne-lpp codec gives all readings the time of the payload when it holds one, wherever it stands', () => {
  const timed = (channel: string, value: number, unit: string): Reading => ({
    ...reading(channel, value, unit),
    timeBase: 'unix',
    timeMs: 1_700_000_000_000,
  })
  const readings = [timed('voltage_1', 3.71, 'V'), timed('switch_2', 0, '')]
  expect(decode('01740173 00856553f100 028e00')).toEqual([{ readings }])
  expect(encode(...readings)).toBe('00856553f10001740173028e00')
})

test('cayenne-lpp codec gives no report when the payload holds no reading', () => {
  expect(decode('')).toEqual([])
  expect(decode('00856553f100')).toEqual([])
})

test('cayenne-lpp encoder rounds when a value lies between two numbers', () => {
  expect(encode(reading('analog_in_1', 1.15))).toBe('01020073')
  expect(encode(reading('analog_in_1', -1.155))).toBe('0102ff8c')
  expect(encode(reading('temperature_1', 21.16))).toBe('016700d4')
})

test.each([
  ['00', 'bad_payload', 'record at byte 0 ends after its channel'],
  ['0167ff', 'bad_payload', 'temperature_1 at byte 0 ends at byte 4, 3 bytes given'],
  ['01670110 02ff', 'bad_payload', 'type 255 at byte 5'],
  ['01670110 0288000000', 'bad_payload', 'gps_2 at byte 4'],
  ['00856553f100 00856553f100', 'bad_time', 'unixtime_0 at byte 6'],
])('cayenne-lpp codec names the problem of %s', (hex, code, part) => {
  expect(decode(hex)).toEqual({ code, detail: expect.stringContaining(part) })
})

test('cayenne-lpp encoder throws when the format cannot say it', () => {
  expect(() => encode(reading('analog_in_1', 327.68))).toThrow('analog_in_1 is 327.68, -327.68 to 327.67 wanted')
  expect(() => encode(reading('voltage_1', -0.01))).toThrow('0 to 655.35')
  expect(() => encode(reading('voltage_256', 1))).toThrow('voltage_256')
  expect(() => encode(reading('voltage', 1))).toThrow('temperature_1 wanted')
  expect(() => encode(reading('gps_1.longitude', 1))).toThrow('gps_1.latitude wanted')
  expect(() => encode({ ...reading('switch_1', 1), value: 'on' })).toThrow('switch_1 is on')
  expect(() => encode({ ...reading('switch_1', 1), timeBase: 'now' })).toThrow('one time since 1970')
  const timed: Reading = { ...reading('switch_1', 1), timeBase: 'unix', timeMs: 1000 }
  expect(() => encode(timed, { ...timed, timeMs: 2000 })).toThrow('one time since 1970')
})

const seed = Date.now() % 2 ** 31
test(`cayenne-lpp codec writes what it read when payloads are random, and never throws, seed ${seed}`, () => {
  const chance = createChance(seed)
  const types = [
    0, 1, 2, 3, 100, 101, 102, 103, 104, 113, 115, 116, 117, 118, 120, 121, 125, 128, 130, 131, 132, 134, 135, 136, 142,
  ]
  const sizes = [1, 1, 2, 2, 4, 2, 1, 2, 1, 6, 2, 2, 2, 4, 1, 2, 2, 2, 4, 4, 2, 6, 3, 9, 1]
  for (let round = 0; round < 3000; round++) {
    const bytes = Array.from({ length: chance(5) }, () => {
      const pick = chance(types.length)
      return [chance(256), types[pick] as number, ...Array.from({ length: sizes[pick] as number }, () => chance(256))]
    }).flat()
    const payload = Buffer.from(bytes)
    const reports = cayenneLppCodec.decode(payload, context)
    if (isProblem(reports)) throw new Error(`${payload.toString('hex')}: ${reports.detail}`)
    expect(cayenneLppCodec.encode(reports).toString('hex')).toBe(payload.toString('hex'))
    const hostile = cayenneLppCodec.decode(tamper(payload, chance), context)
    if (!isProblem(hostile))
      expect(hostile.flatMap((it) => it.readings).every((it) => Number.isFinite(it.value))).toBe(true)
  }
})
