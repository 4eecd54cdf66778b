import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchFile } from './watch-file.ts'

let folder: string
let path: string
const warnings: unknown[] = []
const log = { warn: (_: object, text: string) => warnings.push(text) } as never
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-watch-'))
  path = join(folder, 'telemetry.yaml')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const patient = { timeout: 10_000, interval: 20 }

/** Changes that were told; some change has to be told at the end, so that what was not told is known too. */
async function watched(steps: () => void | Promise<void>): Promise<number> {
  let changes = 0
  const watch = watchFile(path, () => changes++, log)
  await steps()
  await vi.waitFor(() => expect(changes).toBeGreaterThan(0), patient)
  await sleep(300)
  watch.close()
  return changes
}

test('watchFile tells one change when a file is written in several steps', async () => {
  writeFileSync(path, 'a')
  const steps = () => {
    for (const text of ['', 'ab', 'abc']) writeFileSync(path, text)
  }
  expect(await watched(steps)).toBe(1)
})

test('watchFile tells a change when another file takes its place', async () => {
  writeFileSync(path, 'a')
  const steps = () => {
    writeFileSync(`${path}.new`, 'b')
    renameSync(`${path}.new`, path)
  }
  expect(await watched(steps)).toBe(1)
})

test('watchFile tells it when the file appears, and when it is removed', async () => {
  expect(await watched(() => writeFileSync(path, 'a'))).toBe(1)
  expect(await watched(() => rmSync(path))).toBe(1)
})

test('watchFile tells nothing when the content stays or another file changes', async () => {
  writeFileSync(path, 'a')
  const steps = async () => {
    writeFileSync(path, 'a')
    writeFileSync(join(folder, 'other.yaml'), 'b')
    await sleep(500)
    writeFileSync(path, 'b')
  }
  expect(await watched(steps)).toBe(1)
})

test('watchFile tells a change although something happens in the folder all the time', async () => {
  writeFileSync(path, 'a')
  const busy = setInterval(() => writeFileSync(join(folder, 'busy'), String(Math.random())), 20)
  expect(await watched(() => writeFileSync(path, 'b'))).toBe(1)
  clearInterval(busy)
})

test('watchFile warns and goes on when the folder cannot be watched', () => {
  const watch = watchFile(join(folder, 'missing', 'telemetry.yaml'), () => {}, log)
  expect(warnings).toEqual(['the file is not watched; SIGHUP reads it again'])
  watch.close()
})
