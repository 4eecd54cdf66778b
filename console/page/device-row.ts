/** One device in the list. Its cells are made once and then written in place, so that 1,000 devices stay quick. */
import type { Device, DeviceState, LiveReading } from './api.ts'
import { element, setText } from './dom.ts'
import { formatAge, formatTime, formatUnit, formatValue } from './format.ts'
import { deviceKey, placeHash } from './place.ts'
import { stateWords } from './state-words.ts'

export type DeviceRow = {
  readonly key: string
  readonly device: Device
  readonly root: HTMLLIElement
  readonly link: HTMLAnchorElement
  /** What the filter searches in. */
  readonly words: string
  /** Rows out of sight neither tick nor flash. */
  isInView: boolean
  /** Returns whether the state is another one than before. */
  setState(state: DeviceState): boolean
  setReading(reading: LiveReading, nowMs: number, shallFlash: boolean): void
  tick(nowMs: number): void
}

type Cell = { number: HTMLElement; unit: HTMLElement; root: HTMLElement }

/** What a device measures comes first, then how the device itself is. */
const housekeeping = /batt|voltage|rssi|snr|lqi|signal|uptime|sequence/i
export const compareChannels = (a: string, b: string): number =>
  Number(housekeeping.test(a)) - Number(housekeeping.test(b)) || a.localeCompare(b)

const lessMotion = matchMedia('(prefers-reduced-motion: reduce)')

function flash(target: HTMLElement): void {
  if (lessMotion.matches) return
  target.animate([{ backgroundColor: 'var(--flash)' }, { backgroundColor: 'transparent' }], {
    duration: 1_200,
    easing: 'ease-out',
  })
}

export function createDeviceRow(first: Device): DeviceRow {
  const device: Device = { ...first, latest: {} }
  const key = deviceKey(first)
  const cells = new Map<string, Cell>()
  const link = element('a', 'device-link', element('bdi', 'device-name', device.device))
  link.href = placeHash(device.site, device.device)
  const badge = element('span', 'badge', '')
  const age = element('span', 'device-age', '')
  const reason = element('p', 'device-why', '')
  const values = element('div', 'values')
  const head = element('div', 'device-head', link, element('bdi', 'device-site', device.site), badge, age)
  const root = element('li', 'device', head, reason, values)
  root.dataset.device = key
  let words = ''

  const setWords = () => {
    words = `${key} ${device.state} ${[...cells.keys()].join(' ')}`.toLowerCase()
  }

  const cellOf = (channel: string): Cell => {
    const known = cells.get(channel)
    if (known !== undefined) return known
    const cell: Cell = {
      number: element('span', 'value-number'),
      unit: element('span', 'value-unit'),
      root: element('a', 'value', element('span', 'value-name', channel)),
    }
    cell.root.append(element('span', 'value-line', cell.number, ' ', cell.unit))
    cell.root.dataset.channel = channel
    cell.root.setAttribute('href', placeHash(device.site, device.device, channel))
    // A shortcut for the mouse; with the keyboard the channel is chosen above the chart, without a stop at each value.
    cell.root.tabIndex = -1
    const after = [...cells.keys()].filter((name) => compareChannels(name, channel) > 0).sort(compareChannels)[0]
    values.insertBefore(cell.root, after === undefined ? null : (cells.get(after)?.root ?? null))
    cells.set(channel, cell)
    setWords()
    return cell
  }

  const row: DeviceRow = {
    key,
    device,
    root,
    link,
    get words() {
      return words
    },
    isInView: false,
    setState(state) {
      // An answer that was under way while a newer change came in must not undo it.
      if (root.dataset.state !== undefined && state.since < device.since) return false
      const isOther = root.dataset.state !== state.state
      // Only these: what comes as a state may be a whole device, whose latest values are not shown yet.
      const { since, why, alert, due } = state
      // '' is before every time.
      const lastSeen = (state.lastSeen ?? '') > (device.lastSeen ?? '') ? state.lastSeen : device.lastSeen
      Object.assign(device, { state: state.state, since, why, alert, due, lastSeen })
      root.dataset.state = state.state
      root.dataset.alert = String(state.alert)
      setText(badge, stateWords[state.state] ?? state.state)
      setText(reason, state.state === 'online' ? '' : state.why)
      setWords()
      return isOther
    },
    setReading(reading, nowMs, shallFlash) {
      const known = device.latest[reading.channel]
      if (known !== undefined && known.time >= reading.time) return
      device.latest[reading.channel] = { time: reading.time, value: reading.value, unit: reading.unit }
      const cell = cellOf(reading.channel)
      setText(cell.number, formatValue(reading.value))
      setText(cell.unit, formatUnit(reading.unit))
      if (!shallFlash || !row.isInView) return
      cell.root.title = `${reading.channel}, taken ${formatTime(Date.parse(reading.time), nowMs)}`
      flash(cell.root)
    },
    tick(nowMs) {
      setText(age, device.lastSeen === null ? 'never' : formatAge(nowMs - Date.parse(device.lastSeen)))
    },
  }
  row.setState(first)
  for (const [channel, latest] of Object.entries(first.latest))
    row.setReading({ ...first, ...latest, channel }, 0, false)
  return row
}
