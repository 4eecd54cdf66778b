/** Small state as one JSON file, written whole: what waits for a notifier, who subscribed to Web Push. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The file's value; null when there is none. @throws when it cannot be read, or is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
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
