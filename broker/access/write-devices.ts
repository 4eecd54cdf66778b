/** Changes the devices file: whole or not at all, one command at a time. A broker that runs sees the new file by itself. */
import { chownSync, existsSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../../telemetry/errors.ts'
import { accountName } from './account.ts'
import {
  type DeviceEntry,
  type Devices,
  DevicesFileError,
  deviceLine,
  indexDevices,
  parseDeviceLine,
} from './devices-file.ts'

const head = '# Written by "dewpoint device", one line for each device; a Dewpoint that runs sees every change.\n'
const lockWaitMs = 10_000

/**
 * @param change answers the entries that are new or another
 * @throws StartError when the file cannot be read or written, or something in it does not hold
 */
export async function changeDevices(path: string, change: (devices: Devices) => DeviceEntry[]): Promise<void> {
  const release = await lock(path)
  try {
    const bytes = await readBytes(path)
    const devices = await indexDevices(bytes, path).catch((error: unknown) => {
      throw error instanceof DevicesFileError ? new StartError(error.message.split('\n')) : error
    })
    const changed = new Map(change(devices).map((entry) => [accountName(entry), entry]))
    await replace(path, withChanged(bytes.length === 0 ? head : bytes.toString('utf8'), changed))
  } finally {
    await release()
  }
}

/** Lines of others stay as they are, comments too. */
function withChanged(text: string, changed: Map<string, DeviceEntry>): string {
  const parts: string[] = []
  for (const line of text.split('\n')) {
    const entry = line.startsWith('- ') ? parseDeviceLine(line.trimEnd()) : ''
    const name = typeof entry === 'string' ? '' : accountName(entry)
    const next = changed.get(name)
    changed.delete(name)
    parts.push(next === undefined ? `${line}\n` : deviceLine(next))
  }
  // What split() found behind the last line end.
  if (parts.at(-1) === '\n') parts.pop()
  for (const entry of changed.values()) parts.push(deviceLine(entry))
  return parts.join('')
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw new StartError(`${path}: cannot be read: ${(error as Error).message}`)
  }
}

async function replace(path: string, text: string): Promise<void> {
  const next = `${path}.new`
  try {
    const isThere = existsSync(path)
    const like = statSync(isThere ? path : dirname(path))
    const file = await open(next, 'w', isThere ? like.mode & 0o777 : 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    // By root, for a service that runs as somebody else: the file must stay readable to it.
    if (process.getuid?.() === 0) chownSync(next, like.uid, like.gid)
    await rename(next, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    throw new StartError(`${path}: cannot be written: ${(error as Error).message}`)
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const name = `${path}.lock`
  // Devices can be added before the first start.
  await mkdir(dirname(path), { recursive: true }).catch(() => {})
  const untilMs = Date.now() + lockWaitMs
  for (;;) {
    let file: FileHandle
    try {
      file = await open(name, 'wx', 0o600)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST') throw new StartError(`${path}: cannot be written: ${message}`)
      if (Date.now() > untilMs) {
        throw new StartError(`${path}: another command changes it; if none does, remove ${name}`)
      }
      await sleep(50)
      continue
    }
    await file.close()
    return () => rm(name, { force: true })
  }
}
