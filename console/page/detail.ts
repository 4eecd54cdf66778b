/** The chosen device: its state, and one channel that moves on with the live readings: a chart, or a list of texts. */
import { type DeviceState, getBuckets, getNewest, type LiveReading, serverNowMs } from './api.ts'
import { createChart } from './chart.ts'
import { compareChannels, type DeviceRow } from './device-row.ts'
import { byId, element, type Notice, setNotice, setSegments, setText } from './dom.ts'
import { formatAge, formatDuration, formatTime } from './format.ts'
import { deviceKey } from './place.ts'
import { type Range, ranges } from './ranges.ts'
import { showReadout } from './readout.ts'
import { stateWords } from './state-words.ts'
import { createTextList, newestTexts } from './text-list.ts'
import { createTimeline } from './timeline.ts'
import { createTrace } from './trace.ts'

const points = 400
/** The store's buckets replace the live readings from time to time, so that a long watch stays light and true. */
const reloadAfterMs = 60_000
/** Amounts that add up have nothing between two readings, so a line would invent it. */
const isAmount = (channel: string) => /rain|precip|snowfall/i.test(channel)

export function createDetail(onChannel: (channel: string) => void) {
  const trace = createTrace()
  const texts = createTextList(byId('texts'))
  const timeline = createTimeline()
  let isText = false
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

  const latest = () => (row !== null && channel !== null ? row.device.latest[channel] : undefined)
  /** What was sent last tells what the channel is; of a number, or of nothing yet, a chart is drawn. */
  const hasText = () => !['number', 'undefined'].includes(typeof latest()?.value)

  const setReadout = () => {
    if (row === null || channel === null) {
      showReadout(null)
      return
    }
    const at = pointed ?? -1
    const [timeMs, mean] = [columns[0][at], columns[3][at] ?? null]
    const isPointed = !isText && timeMs !== undefined && mean !== null
    showReadout({
      device: row.device.device,
      channel,
      latest: latest(),
      range,
      extent: trace.extent(serverNowMs() - range.ms),
      pointed: isPointed ? { timeMs, mean, low: columns[2][at] ?? mean, high: columns[1][at] ?? mean } : null,
    })
  }

  const noticeWhenEmpty = (): Notice => {
    const newest = latest()
    const ageMs = newest === undefined ? null : serverNowMs() - Date.parse(newest.time)
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
    const isEmpty = isText ? texts.show(fromMs, drawnAtMs) === 0 : columns[0].length === 0
    const isLoading = isEmpty && loadedAtMs === 0
    // Live readings are drawn even while the store does not answer; what is missing is said above them.
    const whenEmpty = isLoading ? { title: 'Loading readings…', kind: 'loading' as const } : noticeWhenEmpty()
    setNotice(byId('chart-notice'), problem ?? (isEmpty ? whenEmpty : null))
    byId('chart-notice').classList.toggle('is-strip', !isEmpty)
    byId('chart').classList.toggle('is-empty', isEmpty)
    if (!isEmpty && !isText) {
      const unit = latest()?.unit ?? ''
      chart.show({ columns, fromMs, toMs: drawnAtMs, unit, isBars: isAmount(channel) })
    }
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
      const asked = { fromMs: nowMs - range.ms, toMs: nowMs }
      if (isText) {
        const newest = await getNewest(of, asked, newestTexts, current.signal)
        if (!current.signal.aborted) texts.setStored(newest)
      } else {
        const buckets = await getBuckets(of, asked, points, current.signal)
        if (!current.signal.aborted) trace.setStored(buckets)
      }
      if (current.signal.aborted) return
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
    texts.clear()
    isText = hasText()
    byId('chart').hidden = isText
    byId('texts').hidden = !isText
    problem = null
    loadedAtMs = 0
    draw()
    void reload()
  }

  const clear = () => {
    trace.clear()
    byId('texts').hidden = true
    byId('chart').hidden = false
    byId('chart').classList.add('is-empty')
    setReadout()
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
    const { site, device, state, since, why, alert, due } = row.device
    const nowMs = serverNowMs()
    const sinceMs = Date.parse(since)
    const line = byId('detail-state')
    const badge = element('span', 'badge', stateWords[state] ?? state)
    const held = `for ${formatDuration(nowMs - sinceMs)}, since ${formatTime(sinceMs, nowMs)}`
    line.dataset.state = state
    line.dataset.alert = String(alert)
    line.replaceChildren(badge, ' ', element('span', '', held))
    if (due !== null) {
      const word = state === 'asleep' ? 'wakes' : 'next report due'
      line.append(' ', element('span', 'detail-due', `${word} ${formatTime(Date.parse(due), nowMs)}`))
    }
    if (why !== '') line.append(' ', element('bdi', 'detail-why', why))
    timeline.show(site, device, state)
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
        clear()
        const hint = 'Its chart appears with the first one.'
        setNotice(byId('chart-notice'), { title: 'This device has not sent a reading yet.', hint })
        return
      }
      const newest = latest()
      const ageMs = newest === undefined ? 0 : serverNowMs() - Date.parse(newest.time)
      setRange(isRangeChosen ? range : (ranges.find((one) => one.ms > ageMs) ?? ranges[5]), false)
      restart()
    },

    /** Nothing to show: the address names a device that the server does not know, or there is none. */
    showNone(notice: Notice): void {
      load?.abort()
      row = null
      channel = null
      clear()
      setText(byId('detail-title'), 'No device')
      byId('detail-state').replaceChildren()
      timeline.clear()
      byId('channels').hidden = true
      byId('ranges').hidden = true
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
        hasNew = true
        const timeMs = Date.parse(reading.time)
        if (isText) texts.append(timeMs, reading.value)
        else if (typeof reading.value === 'number') trace.append(timeMs, reading.value)
        else restart()
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
