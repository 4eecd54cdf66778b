/** A signal's grade follows many reports, not one. */
import { expect, test } from 'vitest'
import { type Signal, takeSignal } from './signal.ts'

function after(values: number[], kind: 'rssi' | 'snr' = 'rssi'): Signal {
  let signal: Signal | null = null
  for (const [i, value] of values.entries()) signal = takeSignal(signal, kind, value, i)
  return signal as Signal
}
const times = (count: number, value: number) => Array.from({ length: count }, () => value)

test('a signal is graded by its mean', () => {
  expect([after([-60]), after([-105]), after([-120])].map(({ grade }) => grade)).toEqual(['good', 'weak', 'bad'])
  expect([after([3], 'snr'), after([-8], 'snr'), after([-15], 'snr')].map(({ grade }) => grade)).toEqual([
    'good',
    'weak',
    'bad',
  ])
})

test('a signal stays good when one report is bad', () => {
  expect(after([...times(10, -80), -125]).grade).toBe('good')
})

test('a signal keeps its grade and since when it hovers about the bound', () => {
  const hovering = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? -98 : -101))
  expect(after([...times(3, -108), ...hovering])).toMatchObject({ grade: 'weak', sinceMs: 0 })
  expect(after([...times(3, -108), ...times(60, -80)])).toMatchObject({ grade: 'good' })
})
