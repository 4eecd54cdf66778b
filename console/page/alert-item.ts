/** One alert in the list: what, why, since when, and what can be done about it. */
import type { Alert } from './alerts-api.ts'
import { serverNowMs } from './api.ts'
import { element } from './dom.ts'
import { formatDuration, formatTime } from './format.ts'
import { placeHash } from './place.ts'

export type AlertActions = {
  acknowledge(alert: Alert): void
  mute(alert: Alert, duration: string): void
  unmute(alert: Alert): void
}

const reasons: Record<string, string> = {
  maintenance: 'nobody told: maintenance',
  mute: 'nobody told: muted',
  flapping: 'nobody told: comes and goes too often',
  group: 'told as one with others',
  schedule: 'nobody told yet: outside its hours',
}

export function createAlertItem(alert: Alert, actions: AlertActions): HTMLLIElement {
  const { severity, state, title, why, beganAt, resolvedAt, acknowledged, mutedUntil, suppressed, rule } = alert
  const nowMs = serverNowMs()
  const beganMs = Date.parse(beganAt)
  const heading = element('p', 'alert-title', element('bdi', '', title))
  heading.id = `alert-${alert.id}`
  const since =
    resolvedAt === null
      ? `since ${formatTime(beganMs, nowMs)}, for ${formatDuration(nowMs - beganMs)}`
      : `over, lasted ${formatDuration(Date.parse(resolvedAt) - beganMs)}, until ${formatTime(Date.parse(resolvedAt), nowMs)}`
  const notes = [
    ...(acknowledged === null
      ? []
      : [`acknowledged by ${acknowledged.by}${acknowledged.note && `: ${acknowledged.note}`}`]),
    ...(mutedUntil === null ? [] : [`muted until ${formatTime(Date.parse(mutedUntil), nowMs)}`]),
    ...(suppressed === null || suppressed === 'mute' ? [] : [reasons[suppressed] ?? suppressed]),
  ]
  const button = (label: string, run: () => void) => {
    const made = element('button', 'link-button', label)
    made.type = 'button'
    made.setAttribute('aria-describedby', heading.id)
    made.addEventListener('click', run)
    return made
  }
  const [device, ...others] = alert.devices
  const link = element('a', '', others.length === 0 ? 'Device' : `First of ${alert.devices.length} devices`)
  if (device !== undefined) link.href = placeHash(device.site, device.device)
  const buttons = [
    ...(acknowledged === null ? [button('Acknowledge', () => actions.acknowledge(alert))] : []),
    ...(mutedUntil === null
      ? [button('Mute 1 h', () => actions.mute(alert, '1h')), button('Mute 8 h', () => actions.mute(alert, '8h'))]
      : [button('Unmute', () => actions.unmute(alert))]),
  ]
  const made = element(
    'li',
    'alert',
    element(
      'div',
      'alert-head',
      element('span', 'alert-severity', severity),
      element('span', '', `${state === 'pending' ? 'pending, told if it lasts' : state} · ${rule}`),
    ),
    heading,
    element('p', 'alert-why', element('bdi', '', why)),
    element('p', 'alert-since', [since, ...notes].join(' · ')),
    element('div', 'alert-actions', ...(state === 'resolved' ? [] : buttons), ...(device === undefined ? [] : [link])),
  )
  made.dataset.id = alert.id
  made.dataset.severity = severity
  made.dataset.state = state
  return made
}
