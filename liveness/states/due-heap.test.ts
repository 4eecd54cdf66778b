import { expect, test } from 'vitest'
import { createDueHeap, type Due } from './due-heap.ts'

type Item = Due & { name: number }
const item = (name: number): Item => ({ name, dueAt: Number.POSITIVE_INFINITY, queuedAt: Number.POSITIVE_INFINITY })

test('heap gives what is due in order when items are put off, brought forward and taken back at random', () => {
  const seed = Date.now() % 1_000_000
  let state = seed
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const heap = createDueHeap<Item>()
  const items = Array.from({ length: 200 }, (_, i) => item(i))
  const due = new Map<Item, number>()
  let nowMs = 0
  for (let step = 0; step < 20_000; step++) {
    const it = items[random(items.length)] as Item
    const atMs = random(10) === 0 ? Number.POSITIVE_INFINITY : nowMs + random(1_000)
    heap.set(it, atMs)
    if (atMs === Number.POSITIVE_INFINITY) due.delete(it)
    else due.set(it, atMs)
    if (random(4) > 0) continue
    nowMs += random(20)
    expect(heap.nextMs(), `seed ${seed}`).toBe(Math.min(...due.values(), Number.POSITIVE_INFINITY))
    for (let took = heap.take(nowMs); took !== undefined; took = heap.take(nowMs)) {
      expect(due.get(took), `seed ${seed}`).toBeLessThanOrEqual(nowMs)
      due.delete(took)
    }
    expect(Math.min(...due.values(), Number.POSITIVE_INFINITY), `seed ${seed}`).toBeGreaterThan(nowMs)
  }
})

test('heap does not grow when one item is put off again and again', () => {
  const heap = createDueHeap<Item>()
  const it = item(0)
  for (let i = 0; i < 1_000; i++) heap.set(it, i)
  expect(heap.size()).toBe(1)
  expect(heap.take(998)).toBeUndefined()
  expect(heap.take(999)).toBe(it)
  expect(heap.nextMs()).toBe(Number.POSITIVE_INFINITY)
})
