/** The latest values of a channel that are no numbers, the newest first: a chart of them would say nothing. */
import type { StoredReading } from './api.ts'
import { element } from './dom.ts'
import { formatTime, formatValue } from './format.ts'

/** As many as are asked for, and shown. */
export const newestTexts = 100
const charactersMax = 1_000

type Text = { timeMs: number; value: StoredReading['value'] }

export function createTextList(list: HTMLElement) {
  let texts: Text[] = []

  const keep = (all: Text[]) => {
    // The store may be a little behind the stream, so both are kept, and what came both ways counts once.
    const byTime = new Map(all.map((text) => [text.timeMs, text]))
    texts = [...byTime.values()].sort((a, b) => b.timeMs - a.timeMs).slice(0, newestTexts)
  }

  return {
    clear(): void {
      texts = []
    },
    setStored(readings: StoredReading[]): void {
      keep([...texts, ...readings.map(({ time, value }) => ({ timeMs: Date.parse(time), value }))])
    },
    append(timeMs: number, value: Text['value']): void {
      keep([...texts, { timeMs, value }])
    },
    /** Shows what is not older, and says how many that are. */
    show(fromMs: number, nowMs: number): number {
      const shown = texts.filter((text) => text.timeMs >= fromMs)
      const items = shown.map(({ timeMs, value }) => {
        const time = element('time', 'text-time', formatTime(timeMs, nowMs))
        time.dateTime = new Date(timeMs).toISOString()
        return element('li', 'text', time, element('bdi', 'text-value', formatValue(value, charactersMax)))
      })
      list.replaceChildren(...items)
      return shown.length
    },
  }
}
