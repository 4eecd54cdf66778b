import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { accountName, accountOf, isOwnClientId } from './account.ts'

test.each([
  ['gauge-7', { site: null, device: 'gauge-7' }],
  ['home/gauge-7', { site: 'home', device: 'gauge-7' }],
  ['höhe 3/Ж', { site: 'höhe 3', device: 'Ж' }],
  ['aa:bb:cc', { site: null, device: 'aa:bb:cc' }],
  ['{device}', { site: null, device: '{device}' }],
])('accountOf reads the user name %s and accountName writes it', (name, account) => {
  expect(accountOf(name)).toEqual(account)
  expect(accountName(account)).toBe(name)
})

test.each([
  '',
  '/',
  'home/',
  '/gauge-7',
  'a/b/c',
  '+',
  '#',
  'home/+',
  'home/#',
  'a+b',
  'gauge\0',
  'gauge\n',
  'gauge\uFFFD',
  'a\\',
  'x'.repeat(limits.deviceNameBytesMax + 1),
])('accountOf finds no device when the user name is %j', (name) => {
  expect(accountOf(name)).toBeNull()
})

test.each([
  ['gauge-7', true],
  ['home/gauge-7', true],
  ['gauge-7_ab12', true],
  ['gauge-7-2', true],
  ['home/gauge-7:app', true],
  ['gauge-71', false],
  ['gauge-7é', false],
  ['gauge-', false],
  ['barn/gauge-7', false],
  ['xgauge-7', false],
])('isOwnClientId says of %s for home/gauge-7: %s', (clientId, isOwn) => {
  expect(isOwnClientId(clientId, { site: 'home', device: 'gauge-7' })).toBe(isOwn)
})
