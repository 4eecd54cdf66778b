import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createFilterTurns } from './filter-turns.ts'

const half = limits.filtersPerTurn / 2

test('filters are taken at once up to the limit, and in order in the turns behind it', async () => {
  const turns = createFilterTurns()
  const taken: number[] = []
  for (let i = 0; i < 5; i++) turns(half, () => taken.push(i))
  expect(taken).toEqual([0, 1])
  await turnOfLoop()
  expect(taken).toEqual([0, 1, 2, 3])
  // Whoever comes now is behind those who wait.
  turns(1, () => taken.push(5))
  await turnOfLoop()
  expect(taken).toEqual([0, 1, 2, 3, 4, 5])
})

test('a packet with more filters than the limit is taken, alone in its turn', async () => {
  const turns = createFilterTurns()
  const taken: string[] = []
  turns(half, () => taken.push('first'))
  turns(10 * limits.filtersPerTurn, () => taken.push('long'))
  turns(1, () => taken.push('last'))
  expect(taken).toEqual(['first', 'long'])
  await turnOfLoop()
  expect(taken).toEqual(['first', 'long', 'last'])
})

test('what is taken may bring more', async () => {
  const turns = createFilterTurns()
  const taken: string[] = []
  const again = (left: number) => {
    taken.push(`${left}`)
    if (left > 0) turns(limits.filtersPerTurn, () => again(left - 1))
  }
  turns(limits.filtersPerTurn, () => again(2))
  expect(taken).toEqual(['2'])
  await turnOfLoop()
  expect(taken).toEqual(['2', '1'])
  await turnOfLoop()
  expect(taken).toEqual(['2', '1', '0'])
})
