/**
 * Notifications over our own broker, QoS 1, retained while an alert stands:
 *
 *     {topic}/{site}/{device}             alerts of a device
 *     {topic}/groups/{factor}/{name}      one alert for devices that share a gateway, a site ...; a level more, so it is no device's
 *
 * A device may have several alerts: `alerts` lists those that stand, and the topic is emptied when none does.
 */
import type { Logger } from 'pino'
import type { Alert, NotifierConfig } from '../../telemetry/alert.ts'
import type { Counters } from '../../telemetry/counters.ts'
import type { DeviceName, DeviceStatus } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { keepJson } from './json-file.ts'
import { failed, type Outcome, type Parcel, type Sender, sent, type Told, within } from './parcel.ts'
import type { Standing, StandingAlert } from './standing.ts'

export type Publish = (topic: string, payload: string, options: { retain: boolean; qos: 1 }) => Promise<void>

type MqttConfig = Extract<NotifierConfig, { type: 'mqtt' }>

export type MqttOptions = {
  config: MqttConfig
  publish: Publish
  statusOf: (name: DeviceName) => DeviceStatus | null
  standing: Standing
  path: string
  counters: Counters
  log: Logger
}

export function createMqtt({ config, publish, statusOf, standing, path, counters, log }: MqttOptions): Sender {
  const file = keepJson(path, standing.all, log, config.name, 'alerts that stand could not be saved')

  async function tell(told: Told): Promise<Outcome> {
    const { kind, alert } = told.notification
    const topic = topicOf(config.topic, alert)
    if (kind === 'test') {
      await publish(`${config.topic}/test`, JSON.stringify(payloadOf(told, [], statusOf)), { retain: false, qos: 1 })
      return sent
    }
    const isRetained = kind === 'resolved' ? true : standing.add(topic, alert)
    if (!isRetained) counters.standingAlertsDropped++
    if (kind === 'resolved') standing.remove(topic, alert.id)
    file.changed()
    const stand = standing.of(topic)
    const payload = JSON.stringify(payloadOf(told, stand, statusOf))
    await publish(topic, payload, { retain: isRetained && stand.length > 0, qos: 1 })
    // Who listens has learned that it is over; who comes later finds nothing [MQTT-3.3.1-10].
    if (kind === 'resolved' && stand.length === 0) await publish(topic, '', { retain: true, qos: 1 })
    return sent
  }

  return {
    takesDigests: false,
    deliver({ told: [first] }: Parcel) {
      if (first === undefined) return Promise.resolve(sent)
      const trying = tell(first).catch((error: Error) => failed(error.message))
      return within(limits.notifierTryMsMax, trying)
    },
    close: file.save,
  }
}

/** As a level of a topic: never empty, never several, never a wildcard [MQTT-4.7.1]. */
const level = (text: string): string =>
  text === '' ? '-' : text.replace(/[/+#%\0]/g, (char) => encodeURIComponent(char).replace('\0', '%00'))

export function topicOf(prefix: string, { subject }: Alert): string {
  if (subject.kind === 'device') return `${prefix}/${level(subject.site)}/${level(subject.device)}`
  return `${prefix}/groups/${subject.factor}/${level(subject.name)}`
}

const iso = (timeMs: number) => new Date(timeMs).toISOString()

/** The keys of the first version come first: alert, site, device, state, since, lastSeen, why. */
function payloadOf(
  { notification: { kind, alert }, isWhole }: Told,
  alerts: StandingAlert[],
  statusOf: MqttOptions['statusOf'],
): object {
  const { subject } = alert
  const status = subject.kind === 'device' ? statusOf(subject) : null
  return {
    alert: alert.rule,
    ...(subject.kind === 'device'
      ? { site: subject.site, device: subject.device }
      : { factor: subject.factor, name: subject.name, silent: subject.silent, of: subject.of, devices: alert.devices }),
    ...(status === null ? {} : { state: status.state }),
    since: iso(alert.beganAtMs),
    ...(status === null ? {} : { lastSeen: iso(status.lastSeenMs) }),
    why: alert.why,
    id: alert.id,
    kind,
    ...(isWhole ? { cameAndWent: true } : {}),
    severity: alert.severity,
    title: alert.title,
    value: alert.value,
    unit: alert.unit,
    labels: alert.labels,
    acknowledged: alert.acknowledged !== null,
    resolved: alert.resolvedAtMs === null ? null : iso(alert.resolvedAtMs),
    alerts,
  }
}
