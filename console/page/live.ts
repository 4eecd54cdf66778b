/** The live stream. EventSource reconnects by itself, except after an answer that is not a stream: then we do. */
import type { DeviceState, LiveReading } from './api.ts'

export type LiveStatus = 'connecting' | 'live' | 'reconnecting'

export type LiveHandlers = {
  onStatus: (status: LiveStatus) => void
  onReadings: (readings: LiveReading[]) => void
  onDevice: (state: DeviceState) => void
  /** The stream is back after an interruption: what was sent meanwhile is missing and has to be asked for. */
  onReturn: () => void
}

const openAgainAfterMs = 5_000

export function openLive(handlers: LiveHandlers): void {
  let wasInterrupted = false

  const open = () => {
    const source = new EventSource('/api/live')
    source.addEventListener('open', () => {
      handlers.onStatus('live')
      if (wasInterrupted) handlers.onReturn()
      wasInterrupted = false
    })
    source.addEventListener('error', () => {
      wasInterrupted = true
      handlers.onStatus('reconnecting')
      if (source.readyState === EventSource.CLOSED) setTimeout(open, openAgainAfterMs)
    })
    source.addEventListener('readings', (event) => handlers.onReadings(JSON.parse(event.data) as LiveReading[]))
    source.addEventListener('device', (event) => handlers.onDevice(JSON.parse(event.data) as DeviceState))
  }

  handlers.onStatus('connecting')
  open()
}
