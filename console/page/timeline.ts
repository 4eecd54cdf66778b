/** The states of the chosen device over the last day, as a band of colours with words for who cannot see them. */
import { getTimeline, type StateSince } from './alerts-api.ts'
import { serverNowMs } from './api.ts'
import { byId, element } from './dom.ts'
import { formatDuration, formatTime } from './format.ts'

const rangeMs = 86_400_000
const againAfterMs = 60_000

export function createTimeline() {
  const band = byId('timeline')
  let shown = ''
  let askedAtMs = 0

  function draw(changes: StateSince[], fromMs: number, nowMs: number): void {
    const parts = changes.flatMap(({ time, state }, i) => {
      const beginMs = Math.max(Date.parse(time), fromMs)
      const endMs = Math.min(Date.parse(changes[i + 1]?.time ?? '') || nowMs, nowMs)
      return endMs > beginMs ? [{ state, beginMs, endMs }] : []
    })
    const first = parts[0]?.beginMs ?? nowMs
    const unknown = { state: 'unknown', beginMs: fromMs, endMs: first }
    const items = [...(first > fromMs ? [unknown] : []), ...parts].map(({ state, beginMs, endMs }) => {
      const text = `${state} for ${formatDuration(endMs - beginMs)}, from ${formatTime(beginMs, nowMs)}`
      const made = element('li', 'timeline-part', element('span', 'visually-hidden', text))
      made.dataset.state = state
      made.title = text
      made.style.flexGrow = String(endMs - beginMs)
      return made
    })
    band.replaceChildren(...items)
    byId('timeline-box').hidden = parts.length === 0
  }

  return {
    /** Asks when it is another device, another state, or a minute has passed. */
    show(site: string, device: string, state: string): void {
      const wanted = JSON.stringify([site, device, state])
      const nowMs = serverNowMs()
      if (wanted === shown && nowMs - askedAtMs < againAfterMs) return
      shown = wanted
      askedAtMs = nowMs
      const fromMs = nowMs - rangeMs
      getTimeline(site, device, fromMs, nowMs).then(
        (changes) => {
          if (shown === wanted) draw(changes, fromMs, nowMs)
        },
        () => {
          if (shown === wanted) byId('timeline-box').hidden = true
        },
      )
    },
    clear(): void {
      shown = ''
      byId('timeline-box').hidden = true
    },
  }
}
