/** Passwords at rest: `scrypt:N:r:p:salt:hash`, salt and hash in base64url. */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { limits } from '../../telemetry/limits.ts'

export type PasswordHash = { n: number; r: number; p: number; salt: Buffer; hash: Buffer }

const form = /^scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{16,86}):([\w-]{22,86})$/

/** Null when the text is no hash, or one that would take more than `limits.passwordHashCostMax`. */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, n = '', r = '', p = '', salt = '', hash = ''] = form.exec(text) ?? []
  const [cost, block, lanes] = [Number(n), Number(r), Number(p)]
  if (cost < 2 || (cost & (cost - 1)) !== 0 || block < 1 || lanes < 1) return null
  if (cost * block * lanes > limits.passwordHashCostMax) return null
  return { n: cost, r: block, p: lanes, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }
}

/** Not on the main thread. */
function derive(password: Buffer, { n, r, p, salt }: Omit<PasswordHash, 'hash'>, bytes: number): Promise<Buffer> {
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r + 4096 * p * r }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

export async function matchesHash(password: Buffer, wanted: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, wanted, wanted.hash.length), wanted.hash)
}

/**
 * What a password that a person chose must cost to be guessed; OWASP's least for one lane. A password of 192 random bits
 * is beyond guessing by itself: the small cost lets a fleet come back in seconds.
 */
const chosenCost = 16_384
const generatedCost = 1_024

/** 192 random bits. None begins with a dash, which commands would take for an option. */
export function generatePassword(): string {
  const password = randomBytes(24).toString('base64url')
  return password.startsWith('-') ? generatePassword() : password
}

export async function hashPassword(password: string, isGenerated: boolean): Promise<string> {
  const parts = { n: isGenerated ? generatedCost : chosenCost, r: 8, p: 1, salt: randomBytes(16) }
  const hash = await derive(Buffer.from(password), parts, 32)
  return `scrypt:${parts.n}:8:1:${parts.salt.toString('base64url')}:${hash.toString('base64url')}`
}

export const costOf = ({ n, r, p }: PasswordHash): number => n * r * p

/** A hash of nothing at the same cost, for names that have none. */
export const nobodysHash = ({ n, r, p }: PasswordHash): PasswordHash => {
  return { n, r, p, salt: randomBytes(16), hash: randomBytes(32) }
}

/** The password of a device that stands in no list: base64url(HMAC-SHA-256(key, user name)). */
export const derivedPassword = (key: string, userName: string): string =>
  createHmac('sha256', key).update(userName).digest('base64url')

/** Names a key without telling it. */
export const keyName = (key: string): string =>
  createHmac('sha256', key).update('dewpoint key name\0').digest('base64url').slice(0, 12)
