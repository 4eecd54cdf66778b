/** The data folder: it must be writable, and one Dewpoint at a time works in it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StartError } from './telemetry/errors.ts'

export type DataFolder = { path: string; release(): void }

/** @throws StartError when it cannot be written, or another process holds it. */
export function claimDataFolder(given: string): DataFolder {
  const path = resolve(given)
  const lock = join(path, 'dewpoint.pid')
  try {
    makeFolder(path)
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
    if (isDewpoint(holder)) throw new StartError(`data ${path}: used by another Dewpoint, process ${holder}`)
    writeFileSync(lock, String(process.pid))
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`data ${path}: cannot be written: ${(error as Error).message}`)
  }
  return { path, release: () => rmSync(lock, { force: true }) }
}

/** Level by level: mkdirSync's own recursion never ends where the system answers ENOENT, as under /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

/** A killed process leaves its number behind, and the system may have given it to somebody else since. */
function isDewpoint(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const commandLine = `/proc/${pid}/cmdline`
  return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('start.')
}
