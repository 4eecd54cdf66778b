import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { createCaptions } from './captions.ts'
import { createLab } from './lab.ts'

const startMs = Date.UTC(2026, 0, 1)

test('captions show every line in order when asked once a second, with pauses', () => {
  const captions = createCaptions(createRandom(1), startMs)
  const shown = Array.from({ length: 3600 }, (_, i) => captions.sample(startMs + i * 1000)[0] as string)
  const stands: number[] = []
  let [last, since] = [1, 0]
  for (const [i, line] of shown.entries()) {
    const nth = Number(line.split(' ')[0])
    expect([last, last + 1]).toContain(nth)
    if (nth !== last) {
      stands.push(i - since)
      since = i
    }
    last = nth
  }
  expect(Math.min(...stands)).toBeGreaterThanOrEqual(2)
  expect(stands.filter((seconds) => seconds > 7).length).toBeGreaterThan(stands.length / 30)
  expect(shown.some((line) => line.includes(','))).toBe(false)
})

test('lab bath follows its set point with a delay, and pH stays one', () => {
  const lab = createLab(createRandom(2), startMs)
  const rows = Array.from({ length: 4 * 3600 }, (_, i) => lab.sample(startMs + i * 1000) as number[])
  const setPoints = rows.map((row) => row[1] as number)
  expect(Math.max(...setPoints) - Math.min(...setPoints)).toBeGreaterThan(10)
  for (let i = 300; i < rows.length; i++) {
    const isHeld = setPoints.slice(i - 170, i).every((setPoint) => setPoint === setPoints[i])
    const isSlow = Math.abs((setPoints[i] as number) - (setPoints[i - 1] as number)) <= 0.1 + 1e-9
    expect(isSlow).toBe(true)
    if (isHeld) expect(Math.abs((rows[i]?.[0] as number) - (setPoints[i] as number))).toBeLessThan(0.3)
  }
  const ph = rows.map((row) => row[2] as number)
  expect(Math.min(...ph)).toBeGreaterThan(3)
  expect(Math.max(...ph)).toBeLessThan(11)
  expect(Math.max(...ph) - Math.min(...ph)).toBeGreaterThan(0.5)
})
