/**
 * Room on the disk. The journal is the only part that grows while the store is away, so it stops early: what is left is
 * for the store, its checkpoint and the quarantine, without which nothing could ever be released again.
 */
import { statfs } from 'node:fs/promises'
import { limits } from '../telemetry/limits.ts'

export type Disk = {
  /** @throws Error with code ENOSPC when writing the bytes would leave less than the reserve. */
  check(bytes: number): Promise<void>
}

/** How much may be written before the system is asked again. */
const askEveryBytes = 1024 * 1024

export function createDisk(folder: string, reserveBytes?: number): Disk {
  let unchecked = Number.POSITIVE_INFINITY
  return {
    async check(bytes) {
      unchecked += bytes
      if (unchecked < askEveryBytes) return
      const { bavail, blocks, bsize } = await statfs(folder)
      const reserve = reserveBytes ?? Math.min(limits.diskReserveBytesMax, (blocks * bsize) / limits.diskReserveShare)
      if (bavail * bsize - bytes < reserve) {
        const message = `${bavail * bsize} bytes are free, ${Math.ceil(reserve)} stay reserved`
        throw Object.assign(new Error(message), { code: 'ENOSPC' })
      }
      unchecked = 0
    },
  }
}
