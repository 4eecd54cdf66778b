/** The page: devices from the API, kept up to date by the live stream; the address says which one is looked at. */
import { createAlertsList } from './alerts-list.ts'
import { getDevices } from './api.ts'
import { createDetail } from './detail.ts'
import { byId } from './dom.ts'
import { createFleetList } from './fleet-list.ts'
import { setLiveStatus, startHeader } from './header.ts'
import { openLive } from './live.ts'
import { deviceKey, parseAlertPlace, parsePlace, placeHash } from './place.ts'
import { startPush } from './push.ts'
import { createQuarantineList } from './quarantine-list.ts'

const retryAfterMs = 3_000
/** Several unknown devices at once ask for the list once. */
const gatherMs = 500

const wide = matchMedia('(min-width: 900px)')
const fleet = createFleetList(() => void loadDevices())
const alerts = createAlertsList()
const quarantine = createQuarantineList()
const detail = createDetail((channel) => {
  if (shownKey === null) return
  const row = fleet.get(shownKey)
  if (row === undefined) return
  // Another channel is no step in the history: Back leads to the list.
  history.replaceState(null, '', placeHash(row.device.site, row.device.device, channel))
  showPlace()
})
let shownKey: string | null = null
let hasDevices = false
let reloadTimer: ReturnType<typeof setTimeout> | undefined
let listScroll = 0

/** On a phone the list and the chart take turns; side by side, a chart is shown at once. */
function showPlace(): void {
  const place = parsePlace(location.hash)
  const before = document.body.dataset.view
  if (before === 'list' && place !== null) listScroll = scrollY
  document.body.dataset.view = place === null ? 'list' : 'detail'
  if (!hasDevices) return
  const row = place === null ? (fleet.get(shownKey ?? '') ?? fleet.suggest()) : fleet.get(deviceKey(place))
  const keyBefore = shownKey
  shownKey = row?.key ?? null
  fleet.choose(place !== null || wide.matches ? shownKey : null)
  document.title = place === null ? 'Dewpoint' : `${place.device} · Dewpoint`
  if (row !== undefined && (place !== null || wide.matches)) detail.show(row, place?.channel ?? null)
  else if (place !== null) {
    const hint = 'It has not reported to this server, or the address is mistyped.'
    detail.showNone({ title: `The device ${deviceKey(place)} is not known.`, hint })
  } else if (row === undefined) detail.showNone({ title: 'No device to show yet.' })
  if (wide.matches || before === document.body.dataset.view) return
  if (place === null) {
    scrollTo(0, listScroll)
    fleet.get(keyBefore ?? '')?.link.focus({ preventScroll: true })
  } else {
    scrollTo(0, 0)
    byId('detail-title').focus({ preventScroll: true })
  }
}

async function loadDevices(): Promise<void> {
  clearTimeout(reloadTimer)
  reloadTimer = undefined
  try {
    const { devices, total } = await getDevices(fleet.state())
    fleet.replace(devices, total)
    hasDevices = true
    showPlace()
  } catch (error) {
    const hint = error instanceof Error ? error.message : String(error)
    const title = 'Devices could not be loaded; the page keeps trying.'
    fleet.fail({ title, hint, kind: 'problem', action: ['Try now', () => void loadDevices()] })
    loadDevicesAfter(retryAfterMs)
  }
}

function loadDevicesAfter(delayMs: number): void {
  reloadTimer ??= setTimeout(loadDevices, delayMs)
}

function showAlerts(): void {
  const place = parseAlertPlace(location.hash)
  if (place !== undefined) void alerts.open(place.id)
}

addEventListener('hashchange', () => {
  showPlace()
  showAlerts()
  // A link of an alert stands far below the device that it leads to.
  const isAbove = byId('detail-title').getBoundingClientRect().top < 0
  if (wide.matches && isAbove && parsePlace(location.hash) !== null) byId('detail').scrollIntoView()
})
wide.addEventListener('change', showPlace)
byId('skip').addEventListener('click', (event) => {
  // The hash is the address of a device, so the skip link moves the focus itself.
  event.preventDefault()
  byId('detail-title').focus()
})

startHeader((counters) => quarantine.setCount(counters.quarantined))
openLive({
  onStatus: setLiveStatus,
  onReadings(readings) {
    if (fleet.addReadings(readings) && hasDevices) loadDevicesAfter(gatherMs)
    detail.addReadings(readings)
  },
  onDevice(state) {
    fleet.setState(state)
    detail.setState(state)
    // The first device of all, or the one that the address asks for, has come.
    if (shownKey === null) showPlace()
  },
  onReturn() {
    void loadDevices()
    detail.reload()
  },
})
setInterval(() => {
  fleet.tick()
  detail.tick()
}, 1_000)
startPush()
showAlerts()
void loadDevices()
