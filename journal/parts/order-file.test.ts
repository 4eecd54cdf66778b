import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { advance, type Extent, endOf, extentBytes, marksOf, nextExtent, nothingReached } from './extent.ts'
import { createOrderFile, type OrderFile, openOrderFile } from './order-file.ts'

const log = pino({ level: 'silent' })
let folder: string
let path: string
let file: OrderFile | null

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'order-'))
  path = join(folder, 'order.log')
  file = null
})
afterEach(async () => {
  await file?.close()
  await rm(folder, { recursive: true })
})

async function open(): Promise<OrderFile> {
  await file?.close()
  file = await openOrderFile(path, nothingReached(), log)
  return file
}

/** Several pages of extents of three parts. */
function many(): Extent[] {
  const reached = nothingReached()
  return Array.from({ length: 5000 }, (_, i) => {
    const part = (i * 7) % 3
    const { position, ordinal, receivedAtUs } = reached.parts.get(part) ?? { position: 0, ordinal: 0, receivedAtUs: 0 }
    const end = { position: position + 100 + i, ordinal: ordinal + 2, receivedAtUs: receivedAtUs + 1000 }
    const extent = nextExtent(reached, part, end)
    advance(reached, extent)
    return extent
  })
}

async function all(opened: OrderFile, from: number): Promise<Extent[]> {
  const extents: Extent[] = []
  for (let next = from; ; ) {
    const page = await opened.page(next)
    if (page.extents.length === 0) return extents
    expect(page.first).toBe(next)
    extents.push(...page.extents)
    next = page.first + page.extents.length
  }
}

test('order file gives back its extents page by page, written just now or long ago', async () => {
  const extents = many()
  await createOrderFile(path, [])
  const opened = await open()
  for (let i = 0; i < extents.length; i += 700) await opened.append(extents.slice(i, i + 700))
  expect(await all(opened, 0)).toEqual(extents)
  expect(await all(await open(), 0)).toEqual(extents)
})

test('order file finds the extent that ends behind a position', async () => {
  const extents = many()
  await createOrderFile(path, extents)
  const opened = await open()
  for (const number of [0, 1, 1023, 1024, 2500, 4999]) {
    const extent = extents[number] as Extent
    expect(await opened.find(extent.base)).toBe(number)
    expect(await opened.find(endOf(extent) - 1)).toBe(number)
    expect(await opened.find(endOf(extent))).toBe(number + 1)
  }
})

test('order file keeps the numbers of its extents when it is written anew', async () => {
  const extents = many()
  await createOrderFile(path, extents.slice(0, 4000))
  const opened = await open()
  await opened.append(extents.slice(4000, 4900))
  const reached = nothingReached()
  for (const extent of extents.slice(0, 3000)) advance(reached, extent)
  const marks = marksOf(reached)
  await opened.replace(marks, 3000)
  await opened.append(extents.slice(4900))
  expect(opened.first()).toBe(3000 - marks.length)
  expect(await all(opened, 3000)).toEqual(extents.slice(3000))
  expect((await opened.page(0)).extents.slice(0, marks.length)).toEqual(marks)
  const { base } = extents[3700] as Extent
  expect(await opened.find(base)).toBe(3700)
  expect(await all(await open(), 0)).toEqual([...marks, ...extents.slice(3000)])
})

test('order file cuts its tail when it is torn at any byte', async () => {
  const extents = many().slice(0, 20)
  for (let bytes = 0; bytes <= extentBytes; bytes++) {
    await createOrderFile(path, extents)
    await truncate(path, 8 + 20 * extentBytes - bytes)
    const kept = bytes === 0 ? 20 : 19
    expect(await all(await open(), 0)).toEqual(extents.slice(0, kept))
    expect((await stat(path)).size).toBe(8 + kept * extentBytes)
  }
})
