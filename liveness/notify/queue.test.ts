import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { atMs, chartFake, notificationOf } from './notification.fake.ts'
import { createQueue, type QueueDrop } from './queue.ts'

function setUp(max: number = limits.notificationsWaitingMax) {
  const drops: QueueDrop[] = []
  const queue = createQueue([], max, (drop) => drops.push(drop))
  const seen = () => queue.all().map(({ notification: { kind, alert }, isWhole }) => `${alert.id} ${kind} ${isWhole}`)
  return { queue, drops, seen }
}

test('queue tells an alert as one when it fired and was over while it waited', () => {
  const { queue, drops, seen } = setUp()
  queue.push(notificationOf('fired'))
  queue.push(notificationOf('fired', { id: 'b' }))
  queue.push(notificationOf('resolved'))
  expect(seen()).toEqual(['b fired false', 'a1 resolved true'])
  expect(drops).toEqual(['merged'])
})

test('queue leaves out a reminder of an alert that is over, and still says that it is over', () => {
  const { queue, seen } = setUp()
  queue.push(notificationOf('reminder'))
  queue.push(notificationOf('resolved'))
  expect(seen()).toEqual(['a1 resolved false'])
})

test('queue keeps the place and the kind of what waits when its alert comes again, with how it stands now', () => {
  const { queue, seen } = setUp()
  queue.push(notificationOf('fired'))
  queue.push(notificationOf('fired', { id: 'b' }))
  queue.push(notificationOf('reminder', { why: 'now' }))
  expect(seen()).toEqual(['a1 fired false', 'b fired false'])
  expect(queue.all()[0]?.notification.alert.why).toBe('now')
})

test('queue changes nothing of what is on its way, and merges it when it comes back', () => {
  const { queue, seen } = setUp()
  queue.push(notificationOf('fired'))
  const [taken] = queue.take(1)
  queue.push(notificationOf('resolved'))
  expect(taken?.notification.kind).toBe('fired')
  expect(seen()).toEqual(['a1 fired false', 'a1 resolved false'])
  queue.putBack()
  expect(seen()).toEqual(['a1 resolved true'])
})

test('queue tells that an alert is over when that it fired has just been told', () => {
  const { queue, seen } = setUp()
  queue.push(notificationOf('fired'))
  queue.take(1)
  queue.push(notificationOf('resolved'))
  queue.done()
  expect(seen()).toEqual(['a1 resolved false'])
})

test('queue drops and counts the oldest when it is full, but none that is on its way', () => {
  const { queue, drops, seen } = setUp(3)
  queue.push(notificationOf('fired', { id: '0' }))
  queue.take(1)
  for (const id of ['1', '2', '3', '4']) queue.push(notificationOf('fired', { id }))
  expect(seen()).toEqual(['0 fired false', '3 fired false', '4 fired false'])
  expect(drops).toEqual(['overflow', 'overflow'])
})

test('queue drops and counts what waited for longer than its limit', () => {
  const { queue, drops } = setUp()
  queue.push(notificationOf())
  queue.expire(atMs + limits.notificationAgeMsMax)
  expect(queue.length()).toBe(1)
  queue.expire(atMs + limits.notificationAgeMsMax + 1)
  expect(queue.length()).toBe(0)
  expect(drops).toEqual(['expired'])
})

test('queue keeps no pictures when it becomes long', () => {
  const { queue } = setUp()
  for (let id = 0; id < limits.notificationsSingleMax; id++)
    queue.push(notificationOf('fired', { id: `${id}` }, chartFake))
  expect(queue.all().every(({ notification }) => notification.chart !== null)).toBe(true)
  queue.push(notificationOf('fired', { id: 'last' }, chartFake))
  expect(queue.all().every(({ notification }) => notification.chart === null)).toBe(true)
})
