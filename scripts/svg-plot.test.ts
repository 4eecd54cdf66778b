import { expect, test } from 'vitest'
import { plotSvg } from './svg-plot.ts'

const axis = { label: 'a < b & c', from: 1, to: 100, ticks: [1, 10, 100] }
const pathOf = (isLog: boolean, points: Array<[number, number]>) =>
  plotSvg({
    title: 'plot',
    x: { ...axis, isLog },
    y: { ...axis, isLog },
    lines: [{ name: 'line', color: '#123456', points }],
  })

test('plot escapes what people write', () => {
  expect(pathOf(false, [])).toContain('a &lt; b &amp; c')
})

test('plot puts the middle of a logarithmic axis at the root of its ends', () => {
  const [, x, y] = /d="M([\d.]+) ([\d.]+)" fill="none" stroke="#123456"/.exec(pathOf(true, [[10, 10]])) ?? []
  expect([Number(x), Number(y)]).toEqual([340, 155])
})

test('plot keeps what is outside at its edge', () => {
  expect(
    pathOf(true, [
      [0, 0],
      [1e9, 1e9],
    ]),
  ).toContain('d="M60 270L620 40"')
})
