/** The line at the top: is the platform well, is this page live, and where did all readings end. */
import { type Counters, getCounters, getHealth } from './api.ts'
import { byId, element, setText } from './dom.ts'
import { formatCount } from './format.ts'
import type { LiveStatus } from './live.ts'

const countersEveryMs = 2_000
const healthEveryMs = 5_000

/** Every way a received reading can end, in the order of the path. */
const ends = ['stored', 'waiting', 'held', 'quarantined', 'duplicate', 'damaged', 'refused'] as const
const meanings: Record<'received' | (typeof ends)[number], string> = {
  received: 'Readings that arrived',
  stored: 'Readings in the store',
  waiting: 'Arrived, not yet on disk, so not yet acknowledged',
  held: 'Safe on disk, not yet in the store',
  quarantined: 'Could not be understood or stored; kept with the reason, see Quarantine',
  duplicate: 'Sent again by the device, stored once',
  damaged: 'A damaged journal could not give them back',
  refused: 'Not accepted, and not acknowledged',
}

function setStatus(target: HTMLElement, status: string, text: string): void {
  target.dataset.status = status
  setText(target, text)
}

export function setLiveStatus(status: LiveStatus): void {
  setStatus(byId('live'), status, status === 'live' ? 'live' : `${status}…`)
}

function showCounters(counters: Counters): void {
  const total = ends.reduce((sum, end) => sum + counters[end], 0)
  const part = (name: keyof typeof meanings, sign: string) => {
    const shown = element('span', 'counter', sign, element('b', '', formatCount(counters[name])), ` ${name}`)
    shown.title = meanings[name]
    shown.dataset.counter = name
    return shown
  }
  // The numbers are read one after the other while readings flow, so they may differ for a moment.
  const equals = total === counters.received ? '= ' : '≈ '
  const shown = ends.filter((end) => end === 'stored' || end === 'quarantined' || counters[end] > 0)
  const parts = shown.flatMap((end, i) => [' ', part(end, i === 0 ? equals : '+ ')])
  byId('counters').replaceChildren(part('received', ''), ...parts)
}

async function showHealth(): Promise<void> {
  const pill = byId('health')
  const list = byId('checks')
  try {
    const health = await getHealth()
    const failing = Object.entries(health.checks).filter(([, check]) => !check.ok)
    const names = failing.map(([name]) => name).join(', ')
    setStatus(pill, health.status, health.status === 'ok' ? 'healthy' : `failing: ${names || 'see /healthz'}`)
    list.replaceChildren(
      ...failing.map(([name, { detail }]) => element('li', '', element('b', '', name), ` ${detail}`)),
    )
    list.hidden = failing.length === 0
  } catch {
    setStatus(pill, 'failing', 'server not reachable')
    list.hidden = true
  }
}

/** onCounters: told every time, for those who show a part of them elsewhere. */
export function startHeader(onCounters: (counters: Counters) => void): void {
  const count = async () => {
    if (document.hidden) return
    try {
      const counters = await getCounters()
      showCounters(counters)
      onCounters(counters)
    } catch {
      // The health pill says that the server is away; the last numbers stay.
    }
  }
  const check = () => {
    if (!document.hidden) void showHealth()
  }
  setInterval(count, countersEveryMs)
  setInterval(check, healthEveryMs)
  document.addEventListener('visibilitychange', check)
  void count()
  check()
}
