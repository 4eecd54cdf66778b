/** The list of devices: those with an alert first, then by name; filtered, counted, and written in place as readings arrive. */
import type { Device, DeviceState, LiveReading } from './api.ts'
import { serverNowMs } from './api.ts'
import { createDeviceRow, type DeviceRow } from './device-row.ts'
import { byId, type Notice, setNotice, setText } from './dom.ts'
import { formatCount } from './format.ts'
import { deviceKey } from './place.ts'
import { stateWords } from './state-words.ts'

const names = new Intl.Collator(undefined, { numeric: true })
/** Who needs a person comes first. */
const rank = ({ alert, state }: DeviceState): number =>
  alert ? 0 : state === 'lost' ? 1 : state === 'late' ? 2 : state === 'online' || state === 'asleep' ? 3 : 4
const compareRows = (a: DeviceRow, b: DeviceRow): number =>
  rank(a.device) - rank(b.device) ||
  names.compare(a.device.device, b.device.device) ||
  names.compare(a.device.site, b.device.site)

export type FleetList = ReturnType<typeof createFleetList>

/** `onState`: another state is asked for while not all devices are listed. */
export function createFleetList(onState: () => void) {
  const list = byId('devices')
  const filter = byId<HTMLInputElement>('filter')
  const stateFilter = byId<HTMLSelectElement>('state-filter')
  const rows = new Map<string, DeviceRow>()
  let total = 0
  /** Not every device is listed, so that a filter has to ask the server. */
  let isPartial = false
  let ordered: DeviceRow[] = []
  let shown: DeviceRow[] = []
  let chosen: string | null = null
  let problem: Notice | null = null

  const inView = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const row = rows.get((entry.target as HTMLElement).dataset.device ?? '')
      if (row === undefined) continue
      row.isInView = entry.isIntersecting
      if (row.isInView) row.tick(serverNowMs())
    }
  })

  /**
   * Puts the rows that pass the filter in order. Only those that stand in the wrong place are moved; the others leave
   * the document, which for 1,000 rows is some ten times quicker than hiding them. A focused row keeps the focus.
   */
  const arrange = () => {
    ordered = [...rows.values()].sort(compareRows)
    const terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    const state = stateFilter.value
    const passes = (row: DeviceRow) =>
      (state === '' || row.device.state === state) && terms.every((term) => row.words.includes(term))
    const focused = document.activeElement
    for (const row of ordered) if (!passes(row)) row.root.remove()
    shown = ordered.filter(passes)
    shown.forEach((row, i) => {
      if (list.children[i] !== row.root) list.insertBefore(row.root, list.children[i] ?? null)
    })
    if (focused instanceof HTMLElement && focused !== document.activeElement && list.contains(focused)) {
      focused.focus({ preventScroll: true })
    }
    summarize(terms.length > 0 || state !== '')
  }

  const summarize = (isFiltered: boolean) => {
    const counts = new Map([
      ['online', 0],
      ['offline', 0],
    ])
    for (const { device } of ordered) counts.set(device.state, (counts.get(device.state) ?? 0) + 1)
    const parts = [`${formatCount(rows.size)} ${rows.size === 1 ? 'device' : 'devices'}`]
    for (const [state, count] of counts) parts.push(`${formatCount(count)} ${stateWords[state] ?? state}`)
    if (isFiltered) parts.push(`${formatCount(shown.length)} shown`)
    if (total > rows.size) parts.push(`only the first of ${formatCount(total)}: choose a state`)
    if (problem !== null && rows.size === 0) setText(byId('summary'), 'Devices could not be loaded')
    else setText(byId('summary'), parts.join(' · '))
    setNotice(byId('fleet-notice'), problem ?? noticeWhenNone())
  }

  const noticeWhenNone = (): Notice | null => {
    if (rows.size === 0) {
      const hint = 'A device appears here with its first message. To see the page at work, run: npm run simulate'
      return { title: 'No device has reported yet.', hint }
    }
    if (shown.length > 0) return null
    const clear = () => {
      filter.value = ''
      stateFilter.value = ''
      chooseState()
      filter.focus()
    }
    return { title: 'No device matches the filter.', action: ['Clear the filter', clear] }
  }

  const add = (device: Device) => {
    const row = createDeviceRow(device)
    rows.set(row.key, row)
    inView.observe(row.root)
    row.tick(serverNowMs())
  }

  const chooseState = () => {
    arrange()
    if (isPartial) onState()
  }

  filter.addEventListener('input', arrange)
  stateFilter.addEventListener('change', chooseState)
  list.addEventListener('keydown', (event) => {
    const links = shown.map((row) => row.link)
    const at = links.indexOf(event.target as HTMLAnchorElement)
    if (at === -1) return
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    links[to]?.focus()
  })

  return {
    get: (key: string): DeviceRow | undefined => rows.get(key),

    /** The device to show when none was asked for: one that has something to show. */
    suggest: (): DeviceRow | undefined => ordered.find((row) => row.device.state === 'online') ?? ordered[0],

    state: (): string => stateFilter.value,

    replace(devices: Device[], all: number): void {
      problem = null
      total = all
      isPartial ||= all > devices.length
      const nowMs = serverNowMs()
      const isThere = new Set(devices.map(deviceKey))
      for (const [key, row] of rows) {
        if (isThere.has(key)) continue
        inView.unobserve(row.root)
        row.root.remove()
        rows.delete(key)
      }
      for (const device of devices) {
        const row = rows.get(deviceKey(device))
        if (row === undefined) {
          add(device)
          continue
        }
        row.setState(device)
        for (const [channel, latest] of Object.entries(device.latest)) {
          row.setReading({ ...device, ...latest, channel }, nowMs, false)
        }
      }
      arrange()
    },

    fail(notice: Notice): void {
      problem = notice
      arrange()
    },

    /** Returns whether a reading came from a device that is not in the list. */
    addReadings(readings: LiveReading[]): boolean {
      const nowMs = serverNowMs()
      let hasUnknown = false
      for (const reading of readings) {
        const row = rows.get(deviceKey(reading))
        if (row === undefined) {
          hasUnknown = true
          continue
        }
        row.setReading(reading, nowMs, true)
        // A late reading of an offline device tells nothing about now: its state change will.
        if (row.device.state === 'online') row.device.lastSeen = new Date(nowMs).toISOString()
        if (row.isInView) row.tick(nowMs)
      }
      return hasUnknown
    },

    setState(state: DeviceState): void {
      const row = rows.get(deviceKey(state))
      if (row === undefined) add({ ...state, latest: {} })
      else if (!row.setState(state)) return
      else row.tick(serverNowMs())
      arrange()
    },

    choose(key: string | null): void {
      for (const one of [chosen, key]) {
        const row = one === null ? undefined : rows.get(one)
        // A class of its own: a :has() selector would be asked again for 1,000 rows at each change.
        row?.root.classList.toggle('is-chosen', one === key)
        if (one === key) row?.link.setAttribute('aria-current', 'true')
        else row?.link.removeAttribute('aria-current')
      }
      chosen = key
    },

    tick(): void {
      const nowMs = serverNowMs()
      for (const row of rows.values()) if (row.isInView) row.tick(nowMs)
    },
  }
}
