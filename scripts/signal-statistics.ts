/** npm run signal-statistics -- --data ../shared/data: writes docs/signal-statistics.md and its plots. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { signalStatistics } from './signal-page.ts'
import { realBeats, realRain, realVoltage } from './signal-series.ts'

const { data } = parseArgs({ options: { data: { type: 'string', default: '../shared/data' } } }).values
const text = (file: string) => readFileSync(join(data, file), 'utf8')

const { page, plots } = signalStatistics({
  rain: realRain(text('rain-gauge-tips.csv')),
  beats: realBeats(text('rr-intervals.txt')),
  voltage: realVoltage(text('node-voltage-hours.csv')),
})
mkdirSync('docs/signal-statistics', { recursive: true })
writeFileSync('docs/signal-statistics.md', page)
for (const [file, svg] of Object.entries(plots)) writeFileSync(join('docs/signal-statistics', file), svg)
console.log(`docs/signal-statistics.md and ${Object.keys(plots).length} plots written`)
