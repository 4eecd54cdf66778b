/** Small state as one JSON file, written whole: what waits for a notifier, who subscribed to Web Push. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'

/**
 * The file's value, or `nothing` when there is none. The same, and said, when it cannot be read: that costs what waited or who
 * subscribed, and must not keep the platform from starting.
 */
export async function readJson<Value>(path: string, nothing: Value, log: Logger): Promise<Value> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.error({ err: error, path }, 'file of notifiers is unreadable')
    return nothing
  }
}

/** The old value or the new one, also over a power cut. Alerts name places and people: it is readable by our own user only. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(`${path}.new`, 'w', 0o600)
  await file
    .writeFile(JSON.stringify(value))
    .then(() => file.datasync())
    .finally(() => file.close())
  await rename(`${path}.new`, path)
}
