import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { createTelling } from './telling.ts'

function start(durable: number) {
  const journal = { durable }
  const telling = createTelling(() => journal.durable)
  const grow = (bytes: number) => {
    journal.durable += bytes
    telling.tell()
  }
  return { telling, grow }
}
/** Whether a promise resolves without the help of time. */
const isAtOnce = (promise: Promise<void>) =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))])

test('telling lets nobody wait who is behind what was told', async () => {
  const { telling } = start(1000)
  expect(await isAtOnce(telling.grown(0))).toBe(true)
  expect(await isAtOnce(telling.grown(999))).toBe(true)
  expect(await isAtOnce(telling.grown(1000))).toBe(false)
  telling.close()
})

test('telling tells of small growth at once, and again after some time', async () => {
  const { telling, grow } = start(1000)
  const first = telling.grown(1000)
  grow(10)
  expect(await isAtOnce(first)).toBe(true)
  const second = telling.grown(1010)
  grow(10)
  expect(await isAtOnce(second)).toBe(false)
  await sleep(limits.readersTellMs * 5)
  expect(await isAtOnce(second)).toBe(true)
  telling.close()
})

test('telling tells of much growth at once', async () => {
  const { telling, grow } = start(0)
  const first = telling.grown(0)
  grow(1)
  await first
  const second = telling.grown(1)
  grow(limits.readersTellBytes)
  expect(await isAtOnce(second)).toBe(true)
  telling.close()
})

test('telling ends every wait when the journal closes', async () => {
  const { telling } = start(5)
  const waiting = telling.grown(5)
  expect(await isAtOnce(waiting)).toBe(false)
  telling.close()
  expect(await isAtOnce(waiting)).toBe(true)
  expect(await isAtOnce(telling.grown(5))).toBe(true)
})
