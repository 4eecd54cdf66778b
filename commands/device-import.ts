/** `dewpoint device import`: a table of devices into the devices file, all of them or none. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type Account, accountName } from '../broker/access/account.ts'
import { changeDevices } from '../broker/access/write-devices.ts'
import type { Access } from '../config/load.ts'
import { separators, splitLine } from '../devices-sim/table.ts'
import { StartError } from '../telemetry/errors.ts'
import { assertUsable, type NewDevice, newDevice, parseAccount } from './device-entries.ts'

export type ImportOptions = {
  file: string
  path: string
  out: string | undefined
  replace: boolean
  access: Access | null
}

type Row = { account: Account; password: string | null }

const columns = ['device', 'site', 'password']
const problemsMax = 20
/** More than Node has threads for. */
const hashesAtOnce = 16

/** Answers what was imported. @throws StartError with a line for each problem of the table */
export async function importDevices({ file, path, out, replace, access }: ImportOptions): Promise<NewDevice[]> {
  const rows = readRows(readText(file), file, access)
  const isMadeUp = rows.some(({ password }) => password === null)
  if (isMadeUp && out === undefined) throw new StartError('--out: not given, a file for the made up passwords wanted')
  // Before the first hash: a fleet takes minutes.
  if (out !== undefined) writeNew(out, '')
  const made: NewDevice[] = []
  for (let i = 0; i < rows.length; i += hashesAtOnce) {
    const some = rows.slice(i, i + hashesAtOnce)
    made.push(...(await Promise.all(some.map(({ account, password }) => newDevice(account, password)))))
  }
  // Passwords first: a device whose password nobody has is worse than a password of no device.
  const lines = made.map(({ entry, password }) => `${cell(accountName(entry))},${cell(password)}\n`)
  if (out !== undefined) writeFileSync(out, `username,password\n${lines.join('')}`)
  await changeDevices(path, (devices) => {
    const known = made.filter(({ entry }) => {
      const before = devices.find(entry)
      return before !== null && before.site === entry.site && !before.revoked
    })
    if (known.length > 0 && !replace) {
      const names = known.slice(0, problemsMax).map(({ entry }) => accountName(entry))
      throw new StartError(
        `${known.length} of them have a password already (${names.join(', ')}); --replace gives new ones`,
      )
    }
    return made.map(({ entry }) => entry)
  }).catch((error: unknown) => {
    // Passwords of nothing.
    if (out !== undefined) rmSync(out, { force: true })
    throw error
  })
  return made
}

const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartError(`${file}: cannot be read: ${(error as Error).message}`)
  }
}

function writeNew(out: string, text: string): void {
  try {
    writeFileSync(out, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw new StartError(`--out: ${out} cannot be made: ${(error as Error).message}`)
  }
}

function readRows(text: string, file: string, access: Access | null): Row[] {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const separator = separators.find((it) => header.includes(it)) ?? ','
  const names = splitLine(header, separator).map((name) => name.toLowerCase())
  const strange = names.find((name) => !columns.includes(name))
  if (strange !== undefined || !names.includes('device')) {
    throw new StartError(`${file}:1: the columns are ${names.join(', ')}; device wanted, and perhaps site and password`)
  }
  const problems: string[] = []
  const rows: Row[] = []
  const seen = new Set<string>()
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue
    const cells = splitLine(line, separator)
    const of = (name: string) => cells[names.indexOf(name)] || undefined
    try {
      const account = parseAccount(of('device') ?? '', of('site'))
      assertUsable(account, access)
      if (seen.has(accountName(account))) throw new StartError(`${accountName(account)} stands in another line already`)
      seen.add(accountName(account))
      rows.push({ account, password: of('password') ?? null })
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      problems.push(`${file}:${i + 2}: ${error.message}`)
      if (problems.length >= problemsMax) break
    }
  }
  if (problems.length > 0) throw new StartError(problems)
  return rows
}
