/**
 * The devices file while the broker runs: read again when it is another. The folder is watched, since a new file takes the
 * place of the old one; and looked at now and then, for file systems that tell nothing.
 */
import { watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { StartError } from '../../telemetry/errors.ts'
import { type Devices, DevicesFileError, noDevices, readDevices } from './devices-file.ts'

export type DevicesWatch = {
  devices(): Devices
  /** Looks now. Resolves when what the file says counts, or was found to be wrong. */
  reload(): Promise<void>
  close(): void
}

/** Between the system's word and a look. */
const settleMs = 50
/** A file that is written in its place is read when it has been the same for so long. */
const quietMs = 500
const lookEveryMs = 5_000

/**
 * A file that is not there at the start has no devices. Later, one that is gone or cannot be used changes nothing: it is a
 * slip, not a wish to end every connection.
 * @throws StartError when there is one that cannot be used at the start.
 */
export async function watchDevices(path: string, onChange: () => void, log: Logger): Promise<DevicesWatch> {
  let seen = await mark(path)
  let current =
    seen === null
      ? noDevices
      : await readDevices(path).catch((error: Error) => {
          throw new StartError(problemsOf(path, error))
        })
  let last = Promise.resolve()
  let isWaiting = false

  async function look(): Promise<void> {
    isWaiting = false
    const now = await settled(path, seen)
    if (now?.version === seen?.version) return
    seen = now
    try {
      current = await readDevices(path)
      log.info({ file: path, devices: current.size }, 'devices: read again')
      onChange()
    } catch (error) {
      for (const problem of problemsOf(path, error as Error)) log.error({ file: path }, problem)
      log.error({ file: path }, 'the devices stay as they were')
    }
  }
  const reload = () => {
    if (!isWaiting) last = last.then(look)
    isWaiting = true
    return last
  }

  let timer: NodeJS.Timeout | null = null
  const onEvent = () => {
    timer ??= setTimeout(() => {
      timer = null
      void reload()
    }, settleMs)
  }
  const failed = (error: Error) =>
    log.warn(
      { file: path, err: error },
      `the folder of the devices file is not watched; it is looked at every ${lookEveryMs} ms`,
    )
  let watcher: ReturnType<typeof watch> | null = null
  try {
    watcher = watch(dirname(path), { persistent: false }, onEvent).on('error', failed)
  } catch (error) {
    failed(error as Error)
  }
  const interval = setInterval(() => void reload(), lookEveryMs).unref()
  return {
    devices: () => current,
    reload,
    close() {
      watcher?.close()
      clearInterval(interval)
      if (timer !== null) clearTimeout(timer)
    },
  }
}

/** `file`: which file it is; `version`: which content of it. */
type Mark = { file: string; version: string }

/** A file in the place of another is whole; one that is written in its own place is looked at until it stays the same. */
async function settled(path: string, seen: Mark | null): Promise<Mark | null> {
  let now = await mark(path)
  while (now !== null && now.file === seen?.file && now.version !== seen.version) {
    await sleep(quietMs, undefined, { ref: false })
    const next = await mark(path)
    if (next?.version === now.version) break
    now = next
  }
  return now
}

/** Null: there is none. */
async function mark(path: string): Promise<Mark | null> {
  const found = await stat(path, { bigint: true }).catch(() => null)
  if (found === null) return null
  const file = `${found.dev} ${found.ino}`
  return { file, version: `${file} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` }
}

const problemsOf = (path: string, error: Error): string[] =>
  error instanceof DevicesFileError ? error.message.split('\n') : [`${path}: cannot be read: ${error.message}`]
