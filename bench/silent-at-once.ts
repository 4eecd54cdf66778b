/** All devices fall silent within seconds, and come back: what that costs states and alerts together, and for how long the event loop stands still to save it. */
import { pino } from 'pino'
import { type AlertsEngine, createAlertsEngine } from '../liveness/alerts/engine.ts'
import { createDevices, type Devices, type DevicesOptions } from '../liveness/devices.ts'
import type { AlertRule } from '../telemetry/alert.ts'
import { createCounters } from '../telemetry/counters.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../telemetry/message.ts'

export type Silent = {
  /** Of one device: its end, and its return. */
  silentUs: number
  backUs: number
  /** What was told while all fell silent. */
  told: number
  /** For the alerts of all as JSON. */
  saveMs: number
}

const perS = 24_000
const rule: AlertRule = {
  ...{ name: 'device-offline', condition: { kind: 'state', states: ['offline', 'lost'] }, site: '', device: '' },
  ...{ forMs: 0, severity: 'warning', labels: {}, schedule: null, notify: ['mqtt'], escalate: null, remindMs: null },
}

/** `options`: how devices are known by their topics. */
export function measureSilence(count: number, options: DevicesOptions, topicOf: (i: number) => string): Silent {
  let told = 0
  const engine: AlertsEngine = createAlertsEngine({
    config: { rules: [rule], notifiers: [], maintenance: [] },
    saved: null,
    notify: () => told++,
    onAlert: () => {},
    factorsOf: (name) => devices.factorsOf(name),
    membersOf: (factor, name) => devices.membersOf(factor, name),
    counters: createCounters(),
    log: pino({ level: 'silent' }),
  })
  const devices: Devices = createDevices({ ...options, onChange: engine.changed })
  let atUs = Date.parse('2026-11-24T00:00:00Z') * 1000
  let position = 0
  function take(message: Message): void {
    const record = { ...message, position: ++position, ordinal: position, receivedAtUs: Math.round(atUs) } as Record
    devices.take(record)
    engine.advance(Math.floor(atUs / 1000))
  }
  /** Once for each device, then time goes on until nothing waits any more. Answers µs of CPU for each. */
  function all(of: (i: number) => void): number {
    const cpu = process.cpuUsage()
    for (let i = 0; i < count; i++) {
      atUs += 1e6 / perS
      of(i)
    }
    for (let second = 0; second < 10; second++) {
      atUs += 1e6
      take(lifeCycle(MessageKind.tick, '', 0, ''))
    }
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / count
  }
  const connect = (i: number, epoch: number) => {
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
    take(lifeCycle(MessageKind.connect, `node-${i}`, epoch, '', { address, keepAliveS: 900, clean: true }))
    take(lifeCycle(MessageKind.publish, `node-${i}`, epoch, topicOf(i)))
  }
  all((i) => connect(i, i + 1))
  const silentUs = all((i) => take(lifeCycle(MessageKind.disconnect, `node-${i}`, i + 1, '', { reason: 'closed' })))
  const toldSilent = told
  const beganMs = performance.now()
  JSON.stringify(engine.save())
  const saveMs = performance.now() - beganMs
  const backUs = all((i) => connect(i, count + i + 1))
  return { silentUs, backUs, told: toldSilent, saveMs }
}
