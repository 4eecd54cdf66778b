/**
 * Disks for one test: a small one in memory, and one whose power can be cut. The second is an ext4 image behind a loop
 * device. Its file holds what reached the block device and nothing of the page cache, so a copy of it, taken in use, is
 * what a machine finds after a power cut: the kernel replays its journal, and what was not synced is gone.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { skip } from '../servers/tools.ts'

const MiB = 1024 ** 2

/** Null, or the reason why this process cannot mount a disk of this size in memory. */
export function mountMemory(folder: string, sizeMiB: number): string | null {
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder])
  return status === 0 ? null : (error?.message ?? stderr.toString().trim())
}

export const unmount = (folder: string) => spawnSync('umount', ['--lazy', folder])

/** Null, or the printed reason why no disk in memory can be mounted. */
export function needsMount(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-disk-'))
  const reason = mountMemory(folder, 1)
  if (reason === null) unmount(folder)
  rmdirSync(folder)
  return reason === null ? null : skip(`no small disk can be mounted: ${reason}`)
}

/** Null, or the printed reason why there is no disk whose power can be cut. */
export async function needsPowerDisk(): Promise<string | null> {
  try {
    const disk = await mountPowerDisk(8)
    disk.close()
    return null
  } catch (error) {
    return skip(`no disk image can be mounted: ${(error as Error).message.trim()}`)
  }
}

export type PowerDisk = {
  /** Where it is mounted, also after a cut. */
  readonly folder: string
  /**
   * Nobody may write any more, frozen as they are. Takes what is on the disk, waits for `kill` to end everyone who has
   * files open, and mounts what was taken.
   */
  cut(kill: () => Promise<void>): Promise<void>
  /** Unmounts and removes it. */
  close(): void
}

const execute = promisify(execFile)
const run = (command: string, ...args: string[]) => execute(command, args, { timeout: 20_000 })

/** Writes that the block device has taken, and requests that are on their way. */
function activity(mounted: string): { writes: number; inFlight: number } {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((it) => it.split(' ')[4] === mounted)
  const device = line?.split(' ')[2]
  if (device === undefined) throw new Error(`${mounted} is not mounted`)
  const stat = readFileSync(`/sys/dev/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number)
  return { writes: stat[4] as number, inFlight: stat[8] as number }
}

export async function mountPowerDisk(sizeMiB: number): Promise<PowerDisk> {
  const home = mkdtempSync(join(tmpdir(), 'dewpoint-power-'))
  const [image, taken, folder] = [join(home, 'image'), join(home, 'taken'), join(home, 'mounted')]
  const mountImage = () => run('mount', '-o', 'loop', image, folder)

  function close(): void {
    process.off('exit', close)
    // The loop device goes with the last mount that uses it.
    unmount(folder)
    rmSync(home, { recursive: true, force: true })
  }
  // A test run that is aborted leaves no mount behind.
  process.once('exit', close)

  /** The kernel writes on its own now and then; a copy made meanwhile would be of two moments, and is made again. */
  async function take(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const before = activity(folder)
      await run('cp', '--sparse=always', image, taken)
      const after = activity(folder)
      if (before.inFlight === 0 && after.inFlight === 0 && before.writes === after.writes) return
    }
    throw new Error('the disk does not come to rest')
  }

  try {
    mkdirSync(folder)
    writeFileSync(image, '')
    truncateSync(image, sizeMiB * MiB)
    await run('mkfs.ext4', '-q', '-F', image)
    await mountImage()
  } catch (error) {
    close()
    throw error
  }
  return {
    folder,
    async cut(kill) {
      try {
        await take()
      } finally {
        await kill()
      }
      await run('umount', folder)
      await rename(taken, image)
      await mountImage()
    },
    close,
  }
}
