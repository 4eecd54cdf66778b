import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Lane, openLane } from './lane.ts'
import { atMs, keptLog, notificationOf } from './notification.fake.ts'
import { failed, type Outcome, type Parcel, rejected, sent } from './parcel.ts'

const lanes: Lane[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: atMs })
})
afterEach(async () => {
  for (const lane of lanes.splice(0)) await lane.close()
  vi.useRealTimers()
})

/** Both clocks are the fake one; jitter is at its longest. */
async function setUp({ perMinuteMax = 6_000, takesDigests = true, path = '' } = {}) {
  const parcels: Parcel[] = []
  const kept = keptLog()
  const counters = createCounters()
  let outcome: () => Outcome | Promise<Outcome> = () => sent
  const file = path === '' ? join(await mkdtemp(join(tmpdir(), 'lane-')), 'ops.json') : path
  const lane = await openLane({
    name: 'ops',
    path: file,
    perMinuteMax,
    counters,
    log: kept.log,
    clock: { nowMs: () => Date.now() },
    steady: { nowMs: () => Date.now() },
    random: () => 1,
    sender: {
      takesDigests,
      async deliver(parcel) {
        parcels.push({ ...parcel, told: [...parcel.told] })
        return outcome()
      },
      close: () => Promise.resolve(),
    },
  })
  lanes.push(lane)
  const ids = () => parcels.map(({ told }) => told.map(({ notification }) => notification.alert.id).join(' '))
  return {
    lane,
    parcels,
    ids,
    counters,
    file,
    log: kept.lines,
    answerWith: (given: typeof outcome) => {
      outcome = given
    },
  }
}

const push = (lane: Lane, ...names: Array<string | number>) => {
  for (const id of names) lane.push(notificationOf('fired', { id: `${id}` }))
}
const range = (count: number) => Array.from({ length: count }, (_, index) => index)

test('lane sends at once, without waiting for anything', async () => {
  const { lane, ids } = await setUp()
  push(lane, 'a')
  expect(ids()).toEqual(['a'])
})

test('lane tries again with growing waits when the receiver is down, and then tells in order', async () => {
  const { lane, ids, counters, answerWith, log } = await setUp()
  answerWith(() => failed('ECONNREFUSED'))
  push(lane, 'a', 'b')
  await vi.advanceTimersByTimeAsync(limits.notifierBackoffMsMin - 1)
  expect(ids()).toEqual(['a'])
  await vi.advanceTimersByTimeAsync(1)
  expect(ids()).toEqual(['a', 'a'])
  await vi.advanceTimersByTimeAsync(2 * limits.notifierBackoffMsMin - 1)
  expect(ids()).toEqual(['a', 'a'])
  answerWith(() => sent)
  await vi.advanceTimersByTimeAsync(1)
  expect(ids()).toEqual(['a', 'a', 'a', 'b'])
  expect(lane.status()).toEqual({ queued: 0, sent: 2, failed: 2, dropped: 0, lastError: 'ECONNREFUSED' })
  expect(counters).toMatchObject({ notifications: { sent: 2 }, notifierFailures: 2 })
  expect(log.filter((line) => line.includes('cannot be reached'))).toHaveLength(1)
  expect(log.filter((line) => line.includes('reached again'))).toHaveLength(1)
})

test('lane waits for as long as the receiver asks, within its limit', async () => {
  const { lane, ids, answerWith } = await setUp()
  answerWith(() => failed('answered 429', 90_000))
  push(lane, 'a')
  await vi.advanceTimersByTimeAsync(89_999)
  expect(ids()).toHaveLength(1)
  answerWith(() => failed('answered 429', 100 * limits.notifierRetryAfterMsMax))
  await vi.advanceTimersByTimeAsync(1)
  expect(ids()).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(limits.notifierRetryAfterMsMax)
  expect(ids()).toHaveLength(3)
})

test('lane makes one digest of what waited when the receiver is back', async () => {
  const { lane, parcels, answerWith } = await setUp()
  answerWith(() => failed('ECONNREFUSED'))
  push(lane, ...range(17))
  answerWith(() => sent)
  await vi.advanceTimersByTimeAsync(limits.notifierBackoffMsMin)
  expect(parcels.slice(1).map(({ told, reason }) => [told.length, reason])).toEqual([[17, 'unreachable']])
})

test('lane says in the next parcel how many were dropped, once', async () => {
  const { lane, parcels, counters, answerWith } = await setUp()
  answerWith(() => failed('ECONNREFUSED'))
  push(lane, ...range(limits.notificationsWaitingMax + 3))
  answerWith(() => sent)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(counters.notifications.overflow).toBe(3)
  expect(lane.status().dropped).toBe(3)
  expect(parcels.slice(1).map(({ dropped }) => dropped)).toEqual([3, 0, 0, 0, 0])
  expect(lane.status().queued).toBe(0)
})

test('lane sends no more in a minute than it may, and the rest as a digest', async () => {
  const { lane, parcels } = await setUp({ perMinuteMax: 2 })
  for (const id of range(20)) {
    push(lane, id)
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(parcels.map(({ told }) => told.length)).toEqual([1, 1])
  await vi.advanceTimersByTimeAsync(30_000)
  expect(parcels.map(({ told, reason }) => [told.length, reason])).toEqual([
    [1, 'many'],
    [1, 'many'],
    [18, 'many'],
  ])
})

test('lane sends each by itself and at once when its sender takes no digests', async () => {
  const { lane, ids } = await setUp({ perMinuteMax: 1, takesDigests: false })
  push(lane, ...range(20))
  await vi.advanceTimersByTimeAsync(0)
  expect(ids()).toEqual(range(20).map(String))
})

test('lane goes on with the next one when the receiver will never take the first', async () => {
  const { lane, ids, counters, answerWith } = await setUp()
  answerWith(() => rejected('answered 400'))
  push(lane, 'a')
  await vi.advanceTimersByTimeAsync(0)
  answerWith(() => sent)
  push(lane, 'b')
  await vi.advanceTimersByTimeAsync(0)
  expect(ids()).toEqual(['a', 'b'])
  expect(counters.notifications).toEqual({ rejected: 1, sent: 1 })
})

test('lane goes on when a notification cannot even be made', async () => {
  const { lane, ids, counters, answerWith } = await setUp()
  answerWith(() => {
    throw new RangeError('Invalid time value')
  })
  push(lane, 'a')
  await vi.advanceTimersByTimeAsync(0)
  answerWith(() => sent)
  push(lane, 'b')
  await vi.advanceTimersByTimeAsync(0)
  expect(ids()).toEqual(['a', 'b'])
  expect(counters.notifications).toEqual({ rejected: 1, sent: 1 })
})

test('lane closes soon, and keeps what is under way, when its receiver does not answer', async () => {
  const first = await setUp()
  first.answerWith(() => new Promise(() => {}))
  push(first.lane, 'a')
  const startedAtMs = performance.now()
  await first.lane.close()
  expect(performance.now() - startedAtMs).toBeLessThan(limits.notifierCloseMsMax + 1_000)
  lanes.splice(lanes.indexOf(first.lane), 1)
  const second = await setUp({ path: first.file })
  await vi.advanceTimersByTimeAsync(0)
  expect(second.ids()).toEqual(['a'])
})

test('lane tells what waited after a restart, and nothing twice when the journal is read again', async () => {
  const first = await setUp()
  push(first.lane, 'told')
  await vi.advanceTimersByTimeAsync(0)
  first.answerWith(() => failed('ECONNREFUSED'))
  push(first.lane, 'a', 'b')
  await vi.advanceTimersByTimeAsync(0)
  await first.lane.close()

  const second = await setUp({ path: first.file })
  push(second.lane, 'told', 'a', 'b', 'c')
  await vi.advanceTimersByTimeAsync(0)
  expect(second.ids()).toEqual(['a', 'b', 'c'])
})

test('lane starts with nothing and says so when its file is damaged', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'lane-')), 'ops.json')
  await writeFile(path, '{"waiting": [')
  const { lane, ids, log } = await setUp({ path })
  push(lane, 'a')
  expect(ids()).toEqual(['a'])
  expect(log.some((line) => line.includes('unreadable'))).toBe(true)
})

test('lane keeps every notification exactly once when failures come at random', async () => {
  const seed = Math.floor(performance.now() * 1_000)
  console.log(`seed ${seed}`)
  let state = seed + 1
  const random = () => {
    state = (state * 16_807) % 2_147_483_647
    return state / 2_147_483_647
  }
  const { lane, parcels, counters, answerWith } = await setUp({ perMinuteMax: 30 })
  const arrived: string[] = []
  answerWith(() => {
    if (random() < 0.5) return failed('503')
    arrived.push(...(parcels.at(-1)?.told.map(({ notification }) => notification.alert.id) ?? []))
    return sent
  })
  for (const id of range(200)) {
    push(lane, id)
    await vi.advanceTimersByTimeAsync(random() * 3_000)
  }
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(arrived).toEqual(range(200).map(String))
  expect(counters.notifications).toEqual({ sent: 200 })
})
