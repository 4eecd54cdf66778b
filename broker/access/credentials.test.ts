import { expect, test } from 'vitest'
import { certificateAccount } from './credentials.ts'

test.each([
  ['gauge-7', [], { site: null, device: 'gauge-7' }],
  ['home/gauge-7', ['DNS:other'], { site: 'home', device: 'gauge-7' }],
  ['', ['IP Address:+', 'DNS:gauge-7'], { site: null, device: 'gauge-7' }],
  ['', ['URI:home/gauge-7'], { site: 'home', device: 'gauge-7' }],
  ['+', ['DNS:gauge-7'], null],
  ['a/b/c', [], null],
  ['', [], null],
])('certificateAccount of %j with %j is %j', (commonName, subjectAltNames, account) => {
  expect(certificateAccount({ commonName, subjectAltNames })).toEqual(account)
})
