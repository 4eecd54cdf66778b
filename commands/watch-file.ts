/**
 * Tells when the content of a file is another. The folder is watched, not the file: editors and ConfigMaps put a new file
 * in its place. What changed is read and compared, so it makes no difference which name the system gives.
 */
import { readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from 'pino'

/** A file is written in several steps: it is read when nothing has happened for so long. */
const quietMs = 200
/** In a folder where something happens all the time. */
const quietMsMax = 2_000

export type FileWatch = { close(): void }

/** `onChange` is called also when the file appears or is removed. */
export function watchFile(path: string, onChange: () => void, log: Logger): FileWatch {
  let content = read(path)
  let timer: NodeJS.Timeout | null = null
  let firstMs = 0
  const look = () => {
    timer = null
    const now = read(path)
    if (now === content) return
    content = now
    onChange()
  }
  const onEvent = () => {
    if (timer === null) firstMs = Date.now()
    else clearTimeout(timer)
    timer = setTimeout(look, Math.max(0, Math.min(quietMs, firstMs + quietMsMax - Date.now())))
  }
  const failed = (error: Error) =>
    log.warn({ file: path, err: error }, 'the file is not watched; SIGHUP reads it again')
  try {
    const watcher = watch(dirname(path), { persistent: false }, onEvent).on('error', failed)
    return {
      close() {
        watcher.close()
        if (timer !== null) clearTimeout(timer)
      },
    }
  } catch (error) {
    failed(error as Error)
    return { close() {} }
  }
}

/** Null when it cannot be read; why, is told by the one who needs it. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
