import { expect, test } from 'vitest'
import { createLoads } from './loads.ts'

test('load of a steady rate comes to it, sooner over the shorter time', () => {
  let count = 0
  const loads = createLoads({ 'messages/received': () => count })
  let seconds = 0
  const minute = () => {
    let topics = {} as ReturnType<typeof loads>
    for (let i = 0; i < 6; i++) {
      count += 20
      seconds += 10
      topics = loads(seconds)
    }
    return [1, 5, 15].map((span) => Number(topics[`load/messages/received/${span}min`]))
  }
  // 1 - 1/e of the rate after as long as the average spans.
  expect(minute()[0]).toBeCloseTo(120 * (1 - Math.exp(-1)), 1)
  for (let i = 1; i < 5; i++) minute()
  const [one, five, fifteen] = minute() as [number, number, number]
  expect(one).toBeGreaterThan(119)
  expect(five).toBeCloseTo(120 * (1 - Math.exp(-6 / 5)), 1)
  expect(fifteen).toBeCloseTo(120 * (1 - Math.exp(-6 / 15)), 1)
})

test('load has two digits, and is 0 when nothing happens or no time has passed', () => {
  const loads = createLoads({ sockets: () => 7 })
  expect(loads(0)).toEqual({ 'load/sockets/1min': '0.00', 'load/sockets/5min': '0.00', 'load/sockets/15min': '0.00' })
  for (let s = 1; s <= 3_600; s++) loads(60 * s)
  expect(loads(60 * 3_601)['load/sockets/1min']).toBe('0.00')
})
