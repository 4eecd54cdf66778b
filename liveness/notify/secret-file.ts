/** Keys that are made once and kept in the data folder, readable by our own user only. */
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Text of the file; of a new one, made by `make`, when there is none. A file that is there is never replaced: links and subscriptions hang on it. */
export async function secretFile(path: string, make: () => string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const text = make()
  const file = await open(path, 'wx', 0o600)
  await file
    .writeFile(text)
    .then(() => file.datasync())
    .finally(() => file.close())
  return text
}
