/**
 * A file of the quarantine: lines of JSON that are only ever added, or all replaced at once. What append() or replace()
 * resolved for survives kill -9 and power loss.
 */
import { type FileHandle, open, readFile, rename, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'

export type LineFile = {
  bytes(): number
  append(lines: object[]): Promise<void>
  close(): Promise<void>
}

export async function openLineFile(path: string): Promise<LineFile> {
  const file: FileHandle = await open(path, 'a')
  let bytes = (await file.stat()).size
  return {
    bytes: () => bytes,
    async append(lines) {
      const text = textOf(lines)
      try {
        await file.appendFile(text)
        await file.datasync()
      } catch (error) {
        // Half a line must not stay in front of the next try.
        await file.truncate(bytes)
        throw error
      }
      bytes += Buffer.byteLength(text)
    },
    close: () => file.close(),
  }
}

/** The file has the old lines or the new ones, whenever the power goes. */
export async function replaceLines(path: string, lines: object[]): Promise<void> {
  await writeLines(`${path}.new`, lines)
  await rename(`${path}.new`, path)
  await syncFolder(dirname(path))
}

export async function writeLines(path: string, lines: object[]): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(textOf(lines))
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Makes renames of the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/** Empty where there is no file. A line that a crash tore is cut off: the journal will bring it again. */
export async function readLines(path: string): Promise<object[]> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  const wholeBytes = content.lastIndexOf(0x0a) + 1
  if (wholeBytes < content.length) await truncate(path, wholeBytes)
  return content.toString('utf8', 0, wholeBytes).split('\n').flatMap(parse)
}

/** A line that a damaged disk spoilt must not keep the others from being shown. */
function parse(line: string): object[] {
  try {
    const parsed: unknown = line === '' ? null : JSON.parse(line)
    return typeof parsed === 'object' && parsed !== null ? [parsed] : []
  } catch {
    return []
  }
}

const textOf = (lines: object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
