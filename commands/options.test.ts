import { expect, test } from 'vitest'
import { StartError } from '../telemetry/errors.ts'
import { parseChoice, parseDuration, parseLevel, parseOptions, parsePositive, parseUrl, parseWhole } from './options.ts'

test.each([
  ['500ms', 500],
  ['60s', 60_000],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
])('parseDuration reads %s', (text, ms) => {
  expect(parseDuration('duration', text)).toBe(ms)
})

test.each(['', '5', '0s', '-1s', '5 s', '5d', '600h'])('parseDuration refuses "%s"', (text) => {
  expect(() => parseDuration('duration', text)).toThrow(StartError)
})

test('parseDuration tells what was given and what is wanted when it is too short', () => {
  expect(() => parseDuration('interval', '1ms', 10)).toThrow(
    '--interval: "1ms" given, a duration from 10ms to 596h like 500ms, 60s or 5m wanted',
  )
})

test('parseWhole takes the bounds and nothing beyond', () => {
  expect(parseWhole('devices', '1', 1, 10)).toBe(1)
  expect(parseWhole('devices', '10', 1, 10)).toBe(10)
  for (const text of ['0', '11', '1.5', '1e1', '', 'ten', '-1']) {
    expect(() => parseWhole('devices', text, 1, 10), text).toThrow(StartError)
  }
})

test('parsePositive takes numbers above 0 only', () => {
  expect(parsePositive('speed', '0.5')).toBe(0.5)
  for (const text of ['0', '-1', '', 'x', 'Infinity'])
    expect(() => parsePositive('speed', text), text).toThrow(StartError)
})

test('parseUrl takes MQTT addresses only', () => {
  for (const url of ['mqtt://127.0.0.1', 'mqtt://[::1]:1883', 'mqtt://me:secret@host:1884']) {
    expect(parseUrl('url', url)).toBe(url)
  }
  for (const text of ['127.0.0.1:1883', 'http://host', 'mqtt://', 'mqtt://host:99999', 'ws://host']) {
    expect(() => parseUrl('url', text), text).toThrow(StartError)
  }
})

test('parseChoice lists the choices when none of them was given', () => {
  expect(parseChoice('format', 'csv', ['csv', 'lines'])).toBe('csv')
  expect(() => parseChoice('format', 'xml', ['csv', 'lines'])).toThrow(
    '--format: "xml" given, one of csv, lines wanted',
  )
  expect(() => parseChoice('format', undefined, ['csv'])).toThrow('--format: not given, one of csv wanted')
})

test('parseLevel refuses what cannot be one level of a topic', () => {
  expect(parseLevel('site', 'demo')).toBe('demo')
  for (const text of ['', 'a/b', '+', '#']) expect(() => parseLevel('site', text), text).toThrow(StartError)
})

test('parseOptions says one line when an option is unknown or lacks its value', () => {
  const parse = (args: string[]) => parseOptions({ args, options: { seed: { type: 'string' } } })
  expect(() => parse(['--sead', '7'])).toThrow(/^Unknown option '--sead'; --help lists the options$/)
  expect(() => parse(['--seed'])).toThrow(/^[^\n]*--seed[^\n]*; --help lists the options$/)
})
