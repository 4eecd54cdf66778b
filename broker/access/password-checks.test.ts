import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { hashPassword, type PasswordHash, parsePasswordHash } from './password.ts'
import { createPasswordChecks } from './password-checks.ts'

const right = Buffer.from('right')
const hash = parsePasswordHash(await hashPassword('right', true)) as PasswordHash
const wanted = () => true

test('check tells a right password from a wrong one, and does nothing for who is gone', async () => {
  const { check } = createPasswordChecks()
  expect(await check('a', right, hash, wanted)).toBe(true)
  expect(await check('a', Buffer.from('wrong'), hash, wanted)).toBe(false)
  expect(await check('a', right, hash, () => false)).toBeNull()
})

test('check says no and goes on when a hash cannot be computed', async () => {
  const { check } = createPasswordChecks()
  expect(await check('a', right, { ...hash, n: 3 }, wanted)).toBe(false)
  expect(await check('a', right, hash, wanted)).toBe(true)
})

test('checks of one address wait behind themselves, not before those of another', async () => {
  const { check } = createPasswordChecks()
  const ended: string[] = []
  const flood = Array.from({ length: 40 }, () => check('flood', right, hash, wanted).then(() => ended.push('flood')))
  const good = check('good', right, hash, wanted).then(() => ended.push('good'))
  await Promise.all([...flood, good])
  expect(ended.indexOf('good')).toBeLessThan(limits.passwordChecksAtOnce * 2 + 1)
})

test('checks have bounded places: the flood gives way to another address, and gets no more itself', async () => {
  const { check } = createPasswordChecks()
  const count = limits.passwordChecksWaitingMax + 100
  const flood = Array.from({ length: count }, () => check('flood', right, hash, wanted))
  const good = Array.from({ length: 5 }, () => check('good', right, hash, wanted))
  expect(await Promise.all(good)).toEqual([true, true, true, true, true])
  const turnedAway = (await Promise.all(flood)).filter((it) => it === null).length
  expect(turnedAway).toBeGreaterThanOrEqual(100)
  expect(turnedAway).toBeLessThanOrEqual(105)
})

test('a remembered password counts for its credential alone', () => {
  const checks = createPasswordChecks()
  checks.remember('credential-1', right)
  expect(checks.isRemembered('credential-1', right)).toBe(true)
  expect(checks.isRemembered('credential-2', right)).toBe(false)
  expect(checks.isRemembered('credential-1', randomBytes(5))).toBe(false)
  expect(checks.isRemembered('credential-', Buffer.from('1\0right'))).toBe(false)
})
