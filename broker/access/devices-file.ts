/**
 * The devices file: YAML of one line per device, `- {"device":"gauge-7","site":"home",...}`, so that it can be read with
 * any YAML reader, and by this one at 240,000 lines without holding them as objects: it keeps the bytes, and where
 * the line of a name begins.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { limits } from '../../telemetry/limits.ts'
import { type Account, accountName, isLevelName } from './account.ts'
import { costOf, nobodysHash, type PasswordHash, parsePasswordHash } from './password.ts'

/** Where it lies when the configuration names no other. */
export const devicesFileIn = (folder: string): string => join(folder, 'devices.yaml')

export type DeviceEntry = Account & {
  /** Another one each time that the device is given a password: what an old one had does not come back. */
  credential: string
  /** ISO 8601. */
  created: string
  /** As in the file (password.ts); null when the device was revoked. */
  password: string | null
  /** ISO 8601; null: it is not. */
  revoked: string | null
}

export type Devices = {
  size: number
  /** What the dearest of the passwords costs to check; null: there are none. */
  dearest: PasswordHash | null
  /** By site and device; by the device alone when no other site has one of this name. */
  find(account: Account): DeviceEntry | null
  entries(): Iterable<DeviceEntry>
  /** Those that are not revoked, without reading their lines again. */
  standing(): Iterable<Account>
}

/** Something in the file does not hold; nothing of it is used then. */
export class DevicesFileError extends Error {}

const keys = ['device', 'site', 'credential', 'created', 'password', 'revoked']
const isTime = (text: unknown) => typeof text === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)

/** The entry of a line, or why it is none. */
export function parseDeviceLine(line: string): DeviceEntry | string {
  if (!line.startsWith('- {')) return 'one line like - {"device":"gauge-7","site":"home",...} for each device wanted'
  let given: Record<string, unknown>
  try {
    given = JSON.parse(line.slice(2))
  } catch {
    return 'what stands behind "- " is no JSON'
  }
  const { device, site = null, credential, created, password = null, revoked = null } = given
  const unknown = Object.keys(given).find((key) => !keys.includes(key))
  if (unknown !== undefined) return `unknown key ${JSON.stringify(unknown)}`
  if (typeof device !== 'string' || !isLevelName(device)) return 'device: a name without / + # wanted'
  if (site !== null && (typeof site !== 'string' || !isLevelName(site))) return 'site: a name without / + # wanted'
  if (typeof credential !== 'string' || !/^[\w-]{8,64}$/.test(credential)) return 'credential: 8 to 64 letters wanted'
  if (!isTime(created)) return 'created: a time like 2026-11-24T12:00:00Z wanted'
  if (revoked !== null && !isTime(revoked)) return 'revoked: a time like 2026-11-24T12:00:00Z wanted'
  if ((password === null) !== (revoked !== null)) return 'either password or revoked wanted'
  if (password !== null && (typeof password !== 'string' || parsePasswordHash(password) === null)) {
    return 'password: scrypt:N:r:p:salt:hash wanted, with a cost that is not beyond the limit'
  }
  return { device, site, credential, created, password, revoked } as DeviceEntry
}

export function deviceLine({ device, site, credential, created, password, revoked }: DeviceEntry): string {
  const parts = { device, ...(site !== null && { site }), credential, created }
  return `- ${JSON.stringify({ ...parts, ...(password === null ? { revoked } : { password }) })}\n`
}

const lineFeed = 10
const problemsMax = 20
/** A fleet's file is read while the broker works: so many bytes at a time. */
const bytesAtOnce = 128 * 1024

export const noDevices: Devices = { size: 0, dearest: null, find: () => null, entries: () => [], standing: () => [] }

/** @throws DevicesFileError with a line for each problem; errors of the system as they are, ENOENT too. */
export async function readDevices(path: string): Promise<Devices> {
  const { size } = await stat(path)
  if (size > limits.devicesFileBytesMax) {
    throw new DevicesFileError(`${path}: ${size} bytes, at most ${limits.devicesFileBytesMax} read`)
  }
  return indexDevices(await readFile(path), path)
}

export async function indexDevices(bytes: Buffer, path: string): Promise<Devices> {
  const exact = new Map<string, number>()
  /** By the device alone; null: of several sites. */
  const short = new Map<string, number | null>()
  const revoked = new Set<string>()
  const problems: string[] = []
  const complain = (line: number, text: string) => {
    if (problems.length < problemsMax) problems.push(`${path}:${line}: ${text}`)
  }
  let dearest: PasswordHash | null = null
  const costs = new Set<string>()
  let breatheAt = bytesAtOnce
  let number = 0
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(lineFeed, from)
    const to = found === -1 ? bytes.length : found
    const line = bytes.toString('utf8', from, to).trimEnd()
    number++
    if (line !== '' && !line.startsWith('#')) {
      const entry = parseDeviceLine(line)
      if (typeof entry === 'string') complain(number, entry)
      else {
        const name = accountName(entry)
        if (exact.has(name)) complain(number, `${name} stands in another line already`)
        exact.set(name, from)
        if (entry.revoked !== null) revoked.add(name)
        if (entry.site !== null) short.set(entry.device, short.has(entry.device) ? null : from)
        const [cost = ''] = /^scrypt:\d+:\d+:\d+/.exec(entry.password ?? '') ?? []
        if (!costs.has(cost)) {
          costs.add(cost)
          const hash = hashOf(entry)
          if (hash !== null && costOf(hash) > (dearest === null ? 0 : costOf(dearest))) dearest = nobodysHash(hash)
        }
      }
    }
    from = to + 1
    if (from >= breatheAt) {
      breatheAt = from + bytesAtOnce
      await breathe()
    }
  }
  if (problems.length > 0) throw new DevicesFileError(problems.join('\n'))

  const entryAt = (from: number): DeviceEntry => {
    const found = bytes.indexOf(lineFeed, from)
    return parseDeviceLine(bytes.toString('utf8', from, found === -1 ? bytes.length : found).trimEnd()) as DeviceEntry
  }
  return {
    size: exact.size,
    dearest,
    find(account) {
      const from = exact.get(accountName(account)) ?? (account.site === null ? short.get(account.device) : undefined)
      return from === undefined || from === null ? null : entryAt(from)
    },
    *entries() {
      for (const from of exact.values()) yield entryAt(from)
    },
    *standing() {
      for (const name of exact.keys()) {
        const slash = name.indexOf('/')
        if (!revoked.has(name)) yield { site: slash < 0 ? null : name.slice(0, slash), device: name.slice(slash + 1) }
      }
    },
  }
}

export const hashOf = ({ password }: DeviceEntry): PasswordHash | null =>
  password === null ? null : parsePasswordHash(password)
