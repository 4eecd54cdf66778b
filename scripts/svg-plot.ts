/** Small plots as SVG text: lines over two axes, linear or logarithmic, readable on light and dark pages. */
export type Axis = { label: string; from: number; to: number; isLog?: boolean; ticks: number[] }
export type Line = { name: string; color: string; points: Array<readonly [x: number, y: number]> }
export type Plot = { title: string; x: Axis; y: Axis; lines: Line[] }

const [width, height] = [640, 320]
const area = { left: 60, right: 20, top: 40, bottom: 50 }
const characterWidth = 7.5

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const digits = (value: number) => String(Number(value.toFixed(1)))

/** Where a value stands between two ends, which may be the wrong way around; what is outside stands at the edge. */
function scale({ from, to, isLog = false }: Axis, start: number, end: number): (value: number) => number {
  const level = isLog ? Math.log : (value: number) => value
  return (value) => {
    const kept = Math.min(to, Math.max(from, value))
    return start + ((end - start) * (level(kept) - level(from))) / (level(to) - level(from))
  }
}

/** @returns a whole file */
export function plotSvg({ title, x, y, lines }: Plot): string {
  const xAt = scale(x, area.left, width - area.right)
  const yAt = scale(y, height - area.bottom, area.top)
  const text = (atX: number, atY: number, anchor: string, content: string, more = '') =>
    `<text x="${digits(atX)}" y="${digits(atY)}" text-anchor="${anchor}"${more}>${escaped(content)}</text>`
  const grid = [
    ...x.ticks.map((tick) => `<path d="M${digits(xAt(tick))} ${area.top}V${height - area.bottom}"/>`),
    ...y.ticks.map((tick) => `<path d="M${area.left} ${digits(yAt(tick))}H${width - area.right}"/>`),
  ]
  let legendX = area.left
  const legend = lines.map(({ name, color }) => {
    const at = legendX
    legendX += (name.length + 3) * characterWidth
    return text(at, area.top - 8, 'start', name, ` style="fill:${color}"`)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(width / 2, 18, 'middle', title, ' font-weight="bold"'),
    ...legend,
    `<g stroke="#ddd" fill="none">${grid.join('')}</g>`,
    ...x.ticks.map((tick) => text(xAt(tick), height - area.bottom + 16, 'middle', String(tick))),
    ...y.ticks.map((tick) => text(area.left - 6, yAt(tick) + 4, 'end', String(tick))),
    text((area.left + width - area.right) / 2, height - 12, 'middle', x.label),
    text(16, height / 2, 'middle', y.label, ` transform="rotate(-90 16 ${height / 2})"`),
    ...lines.map(({ color, points }) => {
      const path = points.map(([atX, atY]) => `${digits(xAt(atX))} ${digits(yAt(atY))}`).join('L')
      return `<path d="M${path}" fill="none" stroke="${color}" stroke-width="1.5"/>`
    }),
    '</svg>',
    '',
  ].join('\n')
}
