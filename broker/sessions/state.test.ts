import { expect, test } from 'vitest'
import type { Change } from './change.ts'
import { createState, type State } from './state.ts'

const queued = (id: number): Change => ['queued', id, [['c', 1]], 'topic', Buffer.from('x'), 1, 2]
const identifiers = (state: State) =>
  [...(state.sessions.get('c')?.byMessageId ?? [])].map(([id, entry]) => [id, entry.id])

test('message id that was given to another message is that one alone, also in a snapshot', () => {
  const state = createState()
  const changes: Change[] = [queued(1), queued(2), ['sent', 'c', 2, 7], ['sent', 'c', 1, 7]]
  for (const change of changes) state.apply(change)
  expect(identifiers(state)).toEqual([[7, 1]])
  const again = createState()
  for (const change of [...state.snapshot()].flat()) again.apply(change)
  expect(identifiers(again)).toEqual([[7, 1]])
})

test('snapshot that is newer than the changes behind it comes to the same state', () => {
  const state = createState()
  for (const change of [queued(1), queued(2)]) state.apply(change)
  const behind: Change[] = [
    ['sent', 'c', 1, 7],
    ['sent', 'c', 2, 7],
    ['gone', 'c', 2],
  ]
  for (const change of behind) state.apply(change)
  const again = createState()
  for (const change of [...[...state.snapshot()].flat(), ...behind]) again.apply(change)
  expect(identifiers(state)).toEqual([])
  expect(again.sessions).toEqual(state.sessions)
})
