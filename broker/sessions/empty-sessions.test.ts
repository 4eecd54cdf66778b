import { expect, test } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { createEmptySessions } from './empty-sessions.ts'

function open() {
  const owners = new Map<string, unknown>()
  const counters = createCounters()
  const state = { nowMs: 1_000, ended: [] as string[] }
  const end = (client: string) => {
    owners.delete(client)
    state.ended.push(client)
  }
  return { owners, counters, state, empty: createEmptySessions(owners, end, counters, () => state.nowMs) }
}

test('empty session ends when its client was away for as long as others may be, and is counted', () => {
  const { owners, counters, state, empty } = open()
  for (const client of ['a', 'b', 'c']) owners.set(client, {})
  empty.left('a')
  state.nowMs += 1
  empty.left('b')
  empty.left('c')
  empty.back('c')
  state.nowMs = 1_000 + limits.sessionExpiryMs
  empty.sweep()
  expect(state.ended).toEqual(['a'])
  state.nowMs += limits.sessionExpiryMs
  empty.sweep()
  expect(state.ended).toEqual(['a', 'b'])
  expect([...owners.keys()]).toEqual(['c'])
  expect(counters.sessionsExpired).toBe(2)
})

test('client that leaves again is away since then', () => {
  const { owners, state, empty } = open()
  for (const client of ['a', 'b']) owners.set(client, {})
  empty.left('a')
  empty.left('b')
  state.nowMs += 10
  empty.back('a')
  empty.left('a')
  state.nowMs = 1_000 + limits.sessionExpiryMs
  empty.sweep()
  expect(state.ended).toEqual(['b'])
})

test('empty sessions are no more than sessions may be: the one that was here longest ago ends', () => {
  const { owners, counters, state, empty } = open()
  for (let i = 0; i <= limits.sessionsMax; i++) {
    owners.set(`c${i}`, {})
    empty.left(`c${i}`)
  }
  expect(state.ended).toEqual(['c0'])
  expect(counters.sessionsExpired).toBe(1)
})

test('client without an owner leaves nothing behind', () => {
  const { state, empty } = open()
  empty.left('a')
  state.nowMs += 2 * limits.sessionExpiryMs
  empty.sweep()
  expect(state.ended).toEqual([])
})
