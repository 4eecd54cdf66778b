/** What the programs of the benchmarks have in common: command lines, of which a wrong one ends the process, and a folder. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** How often each case runs. */
export const roundsOf = (given: string): number => wholeNumber('--rounds', given, 1)

export function wholeNumber(option: string, given: string, min: number): number {
  const value = Number(given)
  if (Number.isSafeInteger(value) && value >= min) return value
  return refuse(`${option} ${given}: a whole number from ${min} on is wanted`)
}

/** Those that were named; all of them when none was. */
export function choose<T extends { name: string }>(all: T[], wanted: string[] | undefined): T[] {
  const unknown = wanted?.find((name) => all.every((it) => it.name !== name))
  if (unknown === undefined) return all.filter(({ name }) => wanted?.includes(name) ?? true)
  return refuse(`"${unknown}" is none of ${all.map(({ name }) => name).join(', ')}`)
}

/** What makes Node write CPU profiles there. */
export function profileInto(folder: string | undefined): string[] {
  if (folder === undefined) return []
  mkdirSync(folder, { recursive: true })
  return ['--cpu-prof', '--cpu-prof-dir', resolve(folder)]
}

/** A folder that is gone with the process, whatever ends it but SIGKILL. */
export function passingFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `dewpoint-${name}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  return folder
}

function refuse(reason: string): never {
  console.error(`bench: ${reason}`)
  process.exit(2)
}
