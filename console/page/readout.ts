/** The line above the chart: the value under the pointer, or the latest with what the range holds. */
import { type Latest, serverNowMs } from './api.ts'
import { byId, element } from './dom.ts'
import { formatTime, formatValue, withUnit } from './format.ts'
import type { Extent } from './trace.ts'

export type Readout = {
  device: string
  channel: string
  latest: Latest | undefined
  range: { label: string; name: string }
  /** Of the numbers in the range. */
  extent: Extent | null
  pointed: { timeMs: number; mean: number; low: number; high: number } | null
}

export function showReadout(shown: Readout | null): void {
  if (shown === null) {
    byId('readout').replaceChildren()
    return
  }
  const { device, channel, latest, range, extent, pointed } = shown
  const unit = latest?.unit ?? ''
  const nowMs = serverNowMs()
  const value = pointed?.mean ?? latest?.value ?? null
  const [low, high] = pointed === null ? [extent?.low, extent?.high] : [pointed.low, pointed.high]
  const latestWhen = latest === undefined ? '' : `latest, ${formatTime(Date.parse(latest.time), nowMs)}`
  const parts = [
    element('bdi', 'readout-value', value === null ? '–' : withUnit(formatValue(value), unit)),
    element('span', 'readout-when', pointed === null ? latestWhen : formatTime(pointed.timeMs, nowMs)),
  ]
  if (low !== undefined && high !== undefined && formatValue(low) !== formatValue(high)) {
    const text = `${pointed === null ? `${range.label}: ` : ''}lowest ${formatValue(low)} · highest ${formatValue(high)}`
    parts.push(element('span', 'readout-extent', text))
  }
  byId('readout').replaceChildren(...parts)
  const described = extent
    ? `lowest ${withUnit(formatValue(extent.low), unit)}, highest ${withUnit(formatValue(extent.high), unit)}`
    : 'no reading'
  byId('chart').setAttribute('aria-label', `${channel} of ${device} in ${range.name}: ${described}`)
  byId('texts').setAttribute('aria-label', `${channel} of ${device} in ${range.name}, the newest first`)
}
