/** The two plots of the report. */
import type { Stretches } from './delays.ts'

const entities: { [character: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (it) => entities[it] as string)

const width = 900
const labelWidth = 150
const barHeight = 16

/** A bar for each name. */
export function bars(rows: Array<[name: string, count: number]>): string {
  if (rows.length === 0) return ''
  const most = Math.max(1, ...rows.map(([, count]) => count))
  const room = width - labelWidth - 90
  const drawn = rows.map(([name, count], i) => {
    const y = i * barHeight
    const long = ((count / most) * room).toFixed(1)
    return `<text x="${labelWidth - 6}" y="${y + 12}" text-anchor="end">${escaped(name)}</text>
<rect class="one" x="${labelWidth}" y="${y + 3}" width="${long}" height="${barHeight - 6}"/>
<text x="${(labelWidth + Number(long) + 6).toFixed(1)}" y="${y + 12}">${count}</text>`
  })
  return `<svg role="img" viewBox="0 0 ${width} ${rows.length * barHeight + 4}">${drawn.join('\n')}</svg>`
}

/** Expected and stored in time: one line above the other shows where they part. */
export function lines({ fromMs, widthMs, expected, stored }: Stretches, each: string): string {
  const height = 200
  const [left, right, top, bottom] = [60, width - 10, 10, height - 30]
  const most = Math.max(1, ...expected, ...stored)
  const x = (i: number) => (left + (i / Math.max(1, expected.length - 1)) * (right - left)).toFixed(1)
  const y = (count: number) => (bottom - (count / most) * (bottom - top)).toFixed(1)
  const path = (counts: number[]) => counts.map((count, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(count)}`).join('')
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
  return `<svg role="img" viewBox="0 0 ${width} ${height}">
<line class="axis" x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}"/><line class="axis" x1="${left}" y1="${top}" x2="${right}" y2="${top}"/>
<text x="${left - 6}" y="${top + 4}" text-anchor="end">${most}</text><text x="${left - 6}" y="${bottom}" text-anchor="end">0</text>
<text x="${left}" y="${height - 12}">${day(fromMs)}</text>
<text x="${right}" y="${height - 12}" text-anchor="end">${day(fromMs + widthMs * expected.length)}</text>
<text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">in ${each}: expected (blue), stored (orange, dashed)</text>
<path class="one" d="${path(expected)}"/><path class="two" stroke-dasharray="6 4" d="${path(stored)}"/></svg>`
}
