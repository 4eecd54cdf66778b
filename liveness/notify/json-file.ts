/** Small state as one JSON file, written whole: what waits for a notifier, who subscribed to Web Push. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import { limits } from '../../telemetry/limits.ts'

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

export type KeptFile = {
  /** Saved soon, with whatever else changes until then. */
  changed(): void
  /** Resolves when what changed so far is on disk; also when the disk takes nothing, which is logged. */
  kept(): Promise<void>
  /** As kept(), and as the value is now. */
  save(): Promise<void>
}

/** A file that follows a value. @param complaint what is logged when it cannot be written */
export function keepJson(
  path: string,
  value: () => unknown,
  log: Logger,
  notifier: string,
  complaint: string,
): KeptFile {
  let soon: NodeJS.Timeout | null = null
  let saving: Promise<void> = Promise.resolve()
  function save(): Promise<void> {
    if (soon !== null) clearTimeout(soon)
    soon = null
    saving = saving.then(() => writeJson(path, value())).catch((error) => log.warn({ err: error, notifier }, complaint))
    return saving
  }
  return {
    changed() {
      soon ??= setTimeout(save, limits.notifierSaveMs)
    },
    kept: () => (soon === null ? saving : save()),
    save,
  }
}
