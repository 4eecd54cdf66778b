import { expect, test } from 'vitest'
import { addressGroup, createAddressCount } from './addresses.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('addressGroup of %s is %s', (address, group) => {
  expect(addressGroup(address)).toBe(group)
})

test('an address has as many connections as the limit, and place again when one leaves', () => {
  const count = createAddressCount(2)
  expect([count.enter('a'), count.enter('a'), count.enter('a'), count.enter('b')]).toEqual([true, true, false, true])
  count.leave('a')
  expect([count.enter('a'), count.enter('a')]).toEqual([true, false])
})
