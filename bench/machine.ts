/** What the figures depend on and no program of ours can change. */
import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { cases } from './cases.ts'
import { influxdPath, mosquittoPath } from './servers.ts'

export type Machine = { cpus: string; memory: string; node: string; kernel: string; load: string; programs: string }

export function readMachine(): Machine {
  const versions: string[] = []
  const [mosquitto, influxd] = [mosquittoPath(), influxdPath()]
  // mosquitto answers -h with its version, and an exit code of its own.
  if (mosquitto !== null) versions.push(firstLine('sh', ['-c', `"${mosquitto}" -h || true`]))
  // A server built from source calls itself "dev", built now; the file's name is what tells the version.
  if (influxd !== null) versions.push(basename(influxd))
  return {
    cpus: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    node: process.version,
    kernel: release(),
    load: loadavg()
      .map((it) => it.toFixed(2))
      .join(', '),
    programs: versions.join('; '),
  }
}

const firstLine = (command: string, args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n')[0] ?? ''

export type SyncTimes = { folder: string; fileSystem: string; count: number; p50Ms: number; p99Ms: number }

/** What a PUBACK must wait for at least: the time of one small append that is on the disk when it returns. */
export function measureSyncs(folder: string, count = 300): SyncTimes {
  const path = join(folder, 'sync-times')
  const file = openSync(path, 'w')
  const bytes = Buffer.alloc(4096, 1)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now()
    writeSync(file, bytes)
    fdatasyncSync(file)
    times.push(performance.now() - startedAt)
  }
  closeSync(file)
  rmSync(path)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(count - 1, Math.floor(count * share))] as number
  const fileSystem = firstLine('stat', ['-f', '-c', '%T', folder])
  return { folder, fileSystem, count, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Cases that cannot run here, with the reason. */
export const skipped = () => cases.flatMap(({ name, missing }) => (missing === null ? [] : [`${name}: ${missing}`]))
