/**
 * One alert for one outage: logged, and published to `alerts/{site}/{device}` as JSON, retained until the device is back.
 */
import type { Logger } from 'pino'
import type { DeviceStatus } from '../telemetry/device.ts'
import { alertTopic } from '../telemetry/schema.ts'

export type Publish = (topic: string, payload: string, options: { retain: boolean }) => Promise<void>

export type Alerts = {
  /** Call it when a device's state has changed. */
  changed(device: DeviceStatus): void
  publishWith(publish: Publish): void
}

export function createAlerts(log: Logger): Alerts {
  let publish: Publish | null = null
  const raised = new Set<string>()
  /** One after the other: a device that flaps must end with its last state. */
  let publishing: Promise<void> = Promise.resolve()

  function send(topic: string, payload: string, retain: boolean): void {
    const publishNow = publish
    if (publishNow === null) return
    publishing = publishing
      .then(() => publishNow(topic, payload, { retain }))
      .catch((error) => log.warn({ err: error, topic }, 'alert could not be published'))
  }

  return {
    changed(device) {
      const topic = alertTopic(device.site, device.device)
      const alert = JSON.stringify({
        alert: device.state === 'lost' ? 'lost' : 'offline',
        site: device.site,
        device: device.device,
        state: device.state,
        since: new Date(device.sinceMs).toISOString(),
        lastSeen: new Date(device.lastSeenMs).toISOString(),
        why: device.why,
      })
      if (device.isAlerting) {
        log.warn({ site: device.site, device: device.device, why: device.why }, `alert: device is ${device.state}`)
        raised.add(topic)
        send(topic, alert, true)
      } else if (raised.delete(topic)) {
        log.info({ site: device.site, device: device.device }, 'alert over: device is back')
        // Who listens learns that it is over; who comes later finds nothing [MQTT-3.3.1-10].
        send(topic, alert, false)
        send(topic, '', true)
      }
    },
    publishWith(given) {
      publish = given
    },
  }
}
