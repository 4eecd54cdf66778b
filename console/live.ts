/** Server-sent events: readings a few times a second (the newest of each channel), changes of state at once. */
import type { ServerResponse } from 'node:http'
import type { Counters } from '../telemetry/counters.ts'
import type { StateChange } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { DeviceReading } from '../telemetry/reading.ts'

export type Live = {
  /** False when there are too many pages already. */
  add(response: ServerResponse): boolean
  readings(readings: DeviceReading[]): void
  change(change: StateChange): void
  close(): void
}

const readingsEveryMs = 200
/** Keeps proxies from closing a quiet stream. */
const commentEveryMs = 15_000

export function createLive(counters: Counters): Live {
  const clients = new Set<ServerResponse>()
  const fresh = new Map<string, DeviceReading>()

  function send(text: string): void {
    for (const client of clients) {
      client.write(text)
      if (client.writableLength > limits.liveBacklogBytesMax) {
        counters.liveClosed++
        client.destroy()
      }
    }
  }

  function flush(): void {
    if (fresh.size === 0) return
    const readings = [...fresh.values()].map(({ timeMs, ...reading }) => ({
      ...reading,
      time: new Date(timeMs).toISOString(),
    }))
    fresh.clear()
    send(`event: readings\ndata: ${JSON.stringify(readings)}\n\n`)
  }

  const timers = [setInterval(flush, readingsEveryMs), setInterval(() => send(': still here\n\n'), commentEveryMs)]

  return {
    add(response) {
      if (clients.size >= limits.liveClientsMax) return false
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      response.write('retry: 1000\n\n')
      clients.add(response)
      counters.liveClients = clients.size
      response.once('close', () => {
        clients.delete(response)
        counters.liveClients = clients.size
      })
      return true
    },
    readings(readings) {
      if (clients.size === 0) return
      for (const reading of readings) fresh.set(`${reading.site}/${reading.device}/${reading.channel}`, reading)
    },
    change({ site, device, state, why, sinceMs, lastSeenMs, dueMs, isAlerting: alert }) {
      const since = new Date(sinceMs).toISOString()
      const lastSeen = lastSeenMs === 0 ? null : new Date(lastSeenMs).toISOString()
      const due = dueMs === null ? null : new Date(dueMs).toISOString()
      send(`event: device\ndata: ${JSON.stringify({ site, device, state, why, alert, since, lastSeen, due })}\n\n`)
    },
    close() {
      for (const timer of timers) clearInterval(timer)
      for (const client of clients) client.end()
      clients.clear()
    },
  }
}
