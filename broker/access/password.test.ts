import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { derivedPassword, generatePassword, hashPassword, keyName, matchesHash, parsePasswordHash } from './password.ts'

test.each([true, false])(
  'hashPassword makes what matchesHash knows again when isGenerated is %s',
  async (isGenerated) => {
    const text = await hashPassword('0123 ä', isGenerated)
    const hash = parsePasswordHash(text)
    if (hash === null) throw new Error(text)
    expect(await matchesHash(Buffer.from('0123 ä'), hash)).toBe(true)
    expect(await matchesHash(Buffer.from('0123 a'), hash)).toBe(false)
    expect(await matchesHash(Buffer.alloc(0), hash)).toBe(false)
    expect(await hashPassword('0123 ä', isGenerated)).not.toBe(text)
  },
)

// [RFC 7914 §12], the second vector, cut to the length that is kept here.
test('matchesHash follows scrypt', async () => {
  const key = Buffer.from(
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    'hex',
  )
  const hash = { n: 1024, r: 8, p: 16, salt: Buffer.from('NaCl'), hash: key }
  expect(await matchesHash(Buffer.from('password'), hash)).toBe(true)
})

const [salt, hash] = ['jm1XTO33JbBcH8IA3aQWQg', 'nclGVV6LUavDDnL9JzhbhinkVbWimgPb7NhkQAmAnhY']
test.each([
  '',
  'plain',
  `scrypt:1000:8:1:${salt}:${hash}`,
  `scrypt:1:8:1:${salt}:${hash}`,
  `scrypt:0:8:1:${salt}:${hash}`,
  `scrypt:1048576:8:1:${salt}:${hash}`,
  `scrypt:65536:16:1:${salt}:${hash}`,
  `scrypt:16384:8:99:${salt}:${hash}`,
  `scrypt:1024:0:1:${salt}:${hash}`,
  `scrypt:1024:8:1:${salt}:`,
  `scrypt:1024:8:1::${hash}`,
  `scrypt:1024:8:1:${salt}:${hash}\n`,
])('parsePasswordHash takes no %j', (text) => {
  expect(parsePasswordHash(text)).toBeNull()
})

test('derivedPassword is the HMAC of the user name, as any language makes it', () => {
  const key = 'k'.repeat(32)
  const wanted = createHmac('sha256', key).update('home/gauge-7').digest('base64url')
  expect(derivedPassword(key, 'home/gauge-7')).toBe(wanted)
  expect(derivedPassword(key, 'home/gauge-7')).not.toBe(derivedPassword(key, 'gauge-7'))
  expect(keyName(key)).not.toContain(key.slice(0, 4))
})

test('generatePassword makes passwords that no command takes for an option', () => {
  const made = Array.from({ length: 500 }, generatePassword)
  expect(new Set(made).size).toBe(500)
  for (const password of made) expect(password).toMatch(/^\w[\w-]{31}$/)
})
