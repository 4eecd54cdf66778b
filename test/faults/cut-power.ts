/** The power of a running server fails: what no fdatasync brought to its disk is gone. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DewpointServer, workersOf } from '../servers/dewpoint.ts'
import { isStopped } from '../servers/influxd.ts'
import type { PowerDisk } from './disk.ts'
import { until } from './waiting.ts'

/**
 * Ends the server with its workers; it is for the caller to start it again.
 * @throws Error when what was not synced is still there: then it was one more kill -9
 */
export async function cutPower({ pid, stop }: DewpointServer, disk: PowerDisk): Promise<void> {
  const unsynced = join(disk.folder, 'unsynced')
  writeFileSync(unsynced, 'x'.repeat(10_000))
  const pids = [pid, ...workersOf(pid)]
  for (const it of pids) process.kill(it, 'SIGSTOP')
  // A thread that waits for the disk stops only when the disk has answered.
  await until(() => pids.every(isStopped), 'the frozen server', 10_000)
  await disk.cut(async () => {
    for (const it of pids) process.kill(it, 'SIGKILL')
    await stop('SIGKILL')
  })
  if (readIfThere(unsynced) !== '') throw new Error('the power cut took away nothing of what was not synced')
  rmSync(unsynced, { force: true })
}

/** What a file holds; nothing when there is no such file. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
