/** The chosen device: its state, and a chart of one channel that moves on with the live readings. */
import { type DeviceState, getBuckets, type LiveReading, serverNowMs } from './api.ts'
import { createChart } from './chart.ts'
import { compareChannels, type DeviceRow } from './device-row.ts'
import { byId, element, type Notice, setNotice, setSegments, setText } from './dom.ts'
import { formatAge, formatDuration, formatTime, formatValue, withUnit } from './format.ts'
import { deviceKey } from './place.ts'
import { createTrace } from './trace.ts'

const ranges = [
  { value: '5m', label: '5 min', name: 'the last 5 minutes', ms: 300_000 },
  { value: '1h', label: '1 h', name: 'the last hour', ms: 3_600_000 },
  { value: '24h', label: '24 h', name: 'the last 24 hours', ms: 86_400_000 },
  { value: '7d', label: '7 d', name: 'the last 7 days', ms: 604_800_000 },
  { value: '1y', label: '1 y', name: 'the last year', ms: 31_536_000_000 },
  { value: '10y', label: '10 y', name: 'the last ten years', ms: 315_360_000_000 },
] as const
type Range = (typeof ranges)[number]

const points = 400
/** The store's buckets replace the live readings from time to time, so that a long watch stays light and true. */
const reloadAfterMs = 60_000
/** Amounts that add up have nothing between two readings, so a line would invent it. */
const isAmount = (channel: string) => /rain|precip|snowfall/i.test(channel)

export function createDetail(onChannel: (channel: string) => void) {
  const trace = createTrace()
  let row: DeviceRow | null = null
  let channel: string | null = null
  let range: Range = ranges[0]
  /** Until the reader chooses a range, it is the shortest one that has something to show. */
  let isRangeChosen = false
  let load: AbortController | null = null
  let loadedAtMs = 0
  let drawnAtMs = 0
  let problem: Notice | null = null
  let pointed: number | null = null
  let columns = trace.columns(0, 0)

  const chart = createChart(byId('chart'), (index) => {
    pointed = index
    setReadout()
  })

  const unit = () => (row && channel ? (row.device.latest[channel]?.unit ?? '') : '')

  const setReadout = () => {
    if (channel === null) return byId('readout').replaceChildren()
    const nowMs = serverNowMs()
    const extent = trace.extent(nowMs - range.ms)
    const timeMs = pointed === null ? undefined : columns[0][pointed]
    const mean = pointed === null ? null : (columns[3][pointed] ?? null)
    const isPointed = timeMs !== undefined && mean !== null
    const value = isPointed ? mean : (row?.device.latest[channel]?.value ?? null)
    const low = isPointed ? (columns[2][pointed ?? 0] ?? mean) : (extent?.low ?? null)
    const high = isPointed ? (columns[1][pointed ?? 0] ?? mean) : (extent?.high ?? null)
    const latest = row?.device.latest[channel]
    const shownMs = isPointed ? timeMs : latest === undefined ? null : Date.parse(latest.time)
    const when =
      shownMs === null ? '' : isPointed ? formatTime(shownMs, nowMs) : `latest, ${formatTime(shownMs, nowMs)}`
    const parts = [
      element('span', 'readout-value', value === null ? '–' : withUnit(formatValue(value), unit())),
      element('span', 'readout-when', when),
    ]
    if (low !== null && high !== null && formatValue(low) !== formatValue(high)) {
      const text = `${isPointed ? '' : `${range.label}: `}lowest ${formatValue(low)} · highest ${formatValue(high)}`
      parts.push(element('span', 'readout-extent', text))
    }
    byId('readout').replaceChildren(...parts)
    const described = extent
      ? `lowest ${withUnit(formatValue(extent.low), unit())}, highest ${withUnit(formatValue(extent.high), unit())}`
      : 'no reading'
    byId('chart').setAttribute('aria-label', `${channel} of ${row?.device.device} in ${range.name}: ${described}`)
  }

  const noticeWhenEmpty = (): Notice => {
    const latest = row && channel ? row.device.latest[channel] : undefined
    const ageMs = latest === undefined ? null : serverNowMs() - Date.parse(latest.time)
    const hint = ageMs === null ? 'It may start at any moment.' : `The last one is from ${formatAge(ageMs)}.`
    const wider = ranges.find((one) => one.ms > range.ms && (ageMs === null || one.ms > ageMs))
    const title = `No reading of ${channel} in ${range.name}.`
    return wider ? { title, hint, action: [`Show ${wider.label}`, () => setRange(wider, true)] } : { title, hint }
  }

  const draw = () => {
    if (row === null || channel === null) return
    drawnAtMs = serverNowMs()
    const fromMs = drawnAtMs - range.ms
    columns = trace.columns(fromMs, range.ms / points)
    const isEmpty = columns[0].length === 0
    const isLoading = isEmpty && loadedAtMs === 0
    // Live readings are drawn even while the store does not answer; what is missing is said above them.
    const whenEmpty = isLoading ? { title: 'Loading readings…', kind: 'loading' as const } : noticeWhenEmpty()
    setNotice(byId('chart-notice'), problem ?? (isEmpty ? whenEmpty : null))
    byId('chart-notice').classList.toggle('is-strip', !isEmpty)
    byId('chart').classList.toggle('is-empty', isEmpty)
    if (!isEmpty) chart.show({ columns, fromMs, toMs: drawnAtMs, unit: unit(), isBars: isAmount(channel) })
    setReadout()
  }

  const reload = async () => {
    if (row === null || channel === null) return
    load?.abort()
    const current = new AbortController()
    load = current
    const nowMs = serverNowMs()
    try {
      const of = { site: row.device.site, device: row.device.device, channel }
      const buckets = await getBuckets(of, { fromMs: nowMs - range.ms, toMs: nowMs, points }, current.signal)
      if (current.signal.aborted) return
      trace.setStored(buckets)
      problem = null
    } catch (error) {
      if (current.signal.aborted) return
      const hint = error instanceof Error ? error.message : String(error)
      problem = { title: 'Readings could not be loaded.', hint, kind: 'problem', action: ['Try again', restart] }
    }
    loadedAtMs = nowMs
    draw()
  }

  const restart = () => {
    trace.clear()
    problem = null
    loadedAtMs = 0
    draw()
    void reload()
  }

  const setRange = (next: Range, isByReader: boolean) => {
    range = next
    isRangeChosen ||= isByReader
    const choose = (value: string) => setRange(ranges.find((one) => one.value === value) ?? ranges[0], true)
    setSegments(byId('ranges'), 'range', [...ranges], range.value, choose)
    if (isByReader) restart()
  }

  const channelsOf = (of: DeviceRow) => Object.keys(of.device.latest).sort(compareChannels)

  const setHead = () => {
    if (row === null) return
    const { state, since, why, alert } = row.device
    const nowMs = serverNowMs()
    const sinceMs = Date.parse(since)
    const line = byId('detail-state')
    const badge = element('span', 'badge', state)
    const held = `for ${formatDuration(nowMs - sinceMs)}, since ${formatTime(sinceMs, nowMs)}`
    line.dataset.state = state
    line.dataset.alert = String(alert)
    line.replaceChildren(badge, ' ', element('span', '', held))
    if (why !== '') line.append(' ', element('bdi', 'detail-why', why))
  }

  const setChannels = () => {
    if (row === null) return
    const names = channelsOf(row)
    const options = names.map((name) => ({ value: name, label: name }))
    byId('channels').hidden = names.length === 0
    setSegments(byId('channels'), 'channel', options, channel ?? '', onChannel)
  }

  return {
    /** Shows a device; without a channel the first one it has. */
    show(next: DeviceRow, wanted: string | null): void {
      const wantedOrFirst = wanted ?? channelsOf(next)[0] ?? null
      const isSame = row === next && channel === wantedOrFirst
      row = next
      channel = wantedOrFirst
      byId('detail-title').replaceChildren(
        element('bdi', '', next.device.device),
        ' ',
        element('bdi', 'detail-site', next.device.site),
      )
      setHead()
      setChannels()
      byId('ranges').hidden = channel === null
      if (isSame) return
      pointed = null
      if (channel === null) {
        load?.abort()
        trace.clear()
        byId('chart').classList.add('is-empty')
        setReadout()
        const hint = 'Its chart appears with the first one.'
        setNotice(byId('chart-notice'), { title: 'This device has not sent a reading yet.', hint })
        return
      }
      const latest = next.device.latest[channel]
      const ageMs = latest === undefined ? 0 : serverNowMs() - Date.parse(latest.time)
      setRange(isRangeChosen ? range : (ranges.find((one) => one.ms > ageMs) ?? ranges[5]), false)
      restart()
    },

    /** Nothing to show: the address names a device that the server does not know, or there is none. */
    showNone(notice: Notice): void {
      load?.abort()
      row = null
      channel = null
      trace.clear()
      setText(byId('detail-title'), 'No device')
      byId('detail-state').replaceChildren()
      byId('channels').hidden = true
      byId('ranges').hidden = true
      byId('chart').classList.add('is-empty')
      setReadout()
      setNotice(byId('chart-notice'), notice)
    },

    reload: (): void => void reload(),

    addReadings(readings: LiveReading[]): void {
      if (row === null) return
      let hasNew = false
      for (const reading of readings) {
        if (deviceKey(reading) !== row.key) continue
        if (channel === null) this.show(row, reading.channel)
        if (reading.channel !== channel) {
          setChannels()
          continue
        }
        trace.append(Date.parse(reading.time), reading.value)
        hasNew = true
      }
      if (hasNew && range.ms <= 3_600_000) draw()
      else if (hasNew) setReadout()
    },

    setState(state: DeviceState): void {
      if (row !== null && deviceKey(state) === row.key) setHead()
    },

    /** Once a second: time goes on even when nothing arrives. */
    tick(): void {
      if (row === null || channel === null || document.hidden) return
      const nowMs = serverNowMs()
      setHead()
      if (loadedAtMs !== 0 && nowMs - loadedAtMs > reloadAfterMs) {
        loadedAtMs = nowMs
        void reload()
      }
      if (nowMs - drawnAtMs > range.ms / points) draw()
    },
  }
}
