import { expect, test } from 'vitest'
import { deferred } from '../telemetry/deferred.ts'
import { createInOrder } from './in-order.ts'

test('answer waits for those before it, of the same client only', async () => {
  const inOrder = createInOrder()
  const [one, other] = [{}, {}]
  const gate = deferred()
  const order: string[] = []
  const answers = [
    inOrder(one, gate.promise)?.then(() => order.push('kept')),
    inOrder(one, null)?.then(() => order.push('behind it')),
  ]
  expect(inOrder(other, null)).toBeNull()
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual([])
  gate.resolve()
  await Promise.all(answers)
  expect(order).toEqual(['kept', 'behind it'])
  expect(inOrder(one, null)).toBeNull()
})

test('answer fails when one before it fails, and none that comes later', async () => {
  const inOrder = createInOrder()
  const client = {}
  const first = inOrder(client, Promise.reject(new Error('no disk')))
  const second = inOrder(client, null)
  await expect(first).rejects.toThrow('no disk')
  await expect(second).rejects.toThrow('no disk')
  expect(inOrder(client, null)).toBeNull()
})
