/**
 * What is true of the fleet, kept by the simulation, and what liveness said of it held against that.
 *
 * - Silence counts while we could have heard: our own downtime with its grace, and the time in which a clock that was set back stands
 *   still, are left out.
 * - Who is called lost must have been silent for three of its intervals, and an incident or the network must be the cause.
 * - Who was silent for longer than its contract and 20 % of it must have been called lost.
 * - An alert must name a device that is in an incident, or was and has not been heard since. Each incident that can be known
 *   needs one; more than one raise the ratio.
 */
import type { Alert } from '../../../telemetry/alert.ts'
import { type DeviceName, deviceKey, type StateChange } from '../../../telemetry/device.ts'
import type { SimDevice } from './fleet.ts'

export const incidentKinds = ['death', 'gateway', 'radio', 'site', 'drop', 'unheard'] as const
export type IncidentKind = (typeof incidentKinds)[number]

export type Incident = {
  kind: IncidentKind
  devices: SimDevice[]
  fromMs: number
  /** Infinity: it lasts. */
  untilMs: number
  /** Alerts that were told of it. */
  alerts: number
  /** Some alert named a device of it. */
  isTold: boolean
  /** A device of it was silent for longer than its contract, or its connection broke: there was something to notice. */
  isKnowable: boolean
}

export type Verdict = {
  incidents: { [kind in IncidentKind]: { all: number; knowable: number; alerts: number; missed: number } }
  knowable: number
  alerts: number
  ratio: number
  missed: number
  falseAlerts: string[]
  /** Called lost, and was not. */
  falseLost: string[]
  /** Lost, and not called so. */
  notFound: string[]
  calledLost: number
  /** By how much the silence exceeded three intervals when the device was called lost, in intervals; in order. */
  overContract: number[]
  /** From there to its alert, seconds, for those alerts that were about one device; in order. */
  toldAfterS: number[]
}

export type Truth = {
  heard(device: SimDevice, nowMs: number): void
  begin(kind: IncidentKind, devices: SimDevice[], nowMs: number): Incident
  end(incident: Incident, nowMs: number): void
  /** We could not hear then. */
  excuse(fromMs: number, untilMs: number): void
  changed(change: StateChange, nowMs: number): void
  told(alert: Alert, nowMs: number): void
  finish(nowMs: number): Verdict
}

const reportsMissed = 3
const marginShare = 0.2
/** Clocks that run two percent off, and what is noticed at the next record. */
const slack = { share: 0.03, ms: 60_000 }

export function createTruth(devices: Iterable<SimDevice>): Truth {
  const byKey = new Map([...devices].map((device) => [device.key, device]))
  const incidents: Incident[] = []
  const excuses: Array<[fromMs: number, untilMs: number]> = []
  const lostAtMs = new Map<SimDevice, number>()
  const falseAlerts: string[] = []
  const falseLost: string[] = []
  const notFound: string[] = []
  const overContract: number[] = []
  const toldAfterS: number[] = []
  let alerts = 0

  const find = (name: DeviceName) => byKey.get(deviceKey(name)) as SimDevice
  const text = ({ key, toldIntervalMs, heardMs, losses }: SimDevice, nowMs: number) =>
    `${key} at ${new Date(nowMs).toISOString()}: every ${toldIntervalMs / 60_000} min, heard ${(nowMs - heardMs) / 60_000} min ago, ${losses} lost`

  function witnessed(fromMs: number, untilMs: number): number {
    let ms = untilMs - fromMs
    for (const [from, until] of excuses) ms -= Math.max(0, Math.min(until, untilMs) - Math.max(from, fromMs))
    return ms
  }

  /** Twelve gaps: as many as a rhythm that is disturbed needs. */
  const hasContract = ({ declares, heards }: SimDevice) => heards > (declares ? 0 : 12)

  /** Its silence is over, or the run is. */
  function judgeSilence(device: SimDevice, nowMs: number): void {
    if (!hasContract(device)) return
    const { toldIntervalMs, isCalledLost, troubles } = device
    const allowedMs = (reportsMissed + marginShare + slack.share) * toldIntervalMs + slack.ms
    if (witnessed(device.heardMs, nowMs) > allowedMs && !isCalledLost) {
      notFound.push(text(device, nowMs))
      for (const it of troubles.slice(0, 1)) it.isKnowable = true
    }
    // A death within a larger outage is told of when that is over, and the device had time to come back.
    const death = troubles.find(({ kind }) => kind === 'death')
    if (death === undefined) return
    const aloneMs = Math.max(
      death.fromMs,
      ...troubles.filter((it) => it !== death).map((it) => Math.min(nowMs, it.untilMs)),
    )
    if (witnessed(aloneMs, nowMs) > 2 * allowedMs) death.isKnowable = true
  }

  function begin(kind: IncidentKind, concerned: SimDevice[], nowMs: number): Incident {
    const incident = {
      kind,
      devices: concerned,
      fromMs: nowMs,
      untilMs: Infinity,
      alerts: 0,
      isTold: false,
      isKnowable: false,
    }
    incidents.push(incident)
    for (const device of concerned) device.troubles.push(incident)
    return incident
  }

  function isLost(device: SimDevice, nowMs: number): void {
    const silentMs = witnessed(device.heardMs, nowMs)
    const { toldIntervalMs, losses, troubles } = device
    if (device.isCalledLost) return
    device.isCalledLost = true
    lostAtMs.set(device, nowMs)
    if (silentMs < (reportsMissed - slack.share) * toldIntervalMs || (troubles.length === 0 && losses === 0)) {
      falseLost.push(text(device, nowMs))
      return
    }
    overContract.push(silentMs / toldIntervalMs - reportsMissed)
    if (troubles.length === 0) begin('unheard', [device], nowMs).untilMs = nowMs
    const largest = device.troubles.reduce((a, b) => (b.devices.length > a.devices.length ? b : a))
    largest.isKnowable = true
  }

  /** What an alert about one device is about: the incident that nobody was told of yet, the smallest first. */
  function causeOfOne({ troubles }: SimDevice): Incident | undefined {
    const bySize = troubles.toSorted((a, b) => a.devices.length - b.devices.length)
    return bySize.find((it) => !it.isTold) ?? bySize.at(-1)
  }

  /** The incident that most of the named devices are in. */
  function causeOfMany(named: SimDevice[]): Incident | undefined {
    const counts = new Map<Incident, number>()
    for (const { troubles } of named) for (const it of troubles) counts.set(it, (counts.get(it) ?? 0) + 1)
    let best: Incident | undefined
    for (const [it, count] of counts) if (best === undefined || count > (counts.get(best) as number)) best = it
    return best
  }

  return {
    begin,
    heard(device, nowMs) {
      judgeSilence(device, nowMs)
      device.heardMs = nowMs
      device.heards++
      device.toldIntervalMs = device.intervalMs
      device.losses = 0
      device.isCalledLost = false
      if (device.troubles.length > 0) device.troubles = device.troubles.filter(({ untilMs }) => untilMs > nowMs)
    },
    end(incident, nowMs) {
      incident.untilMs = nowMs
    },
    excuse(fromMs, untilMs) {
      excuses.push([fromMs, untilMs])
    },
    changed(change, nowMs) {
      if (change.state === 'lost') isLost(find(change), nowMs)
    },
    told(alert, nowMs) {
      alerts++
      const named = alert.devices.map(find)
      const [first] = named
      const cause = alert.subject.kind === 'device' && first !== undefined ? causeOfOne(first) : causeOfMany(named)
      if (cause === undefined) {
        falseAlerts.push(`${alert.title}; ${alert.why}; ${named.slice(0, 1).map((it) => text(it, nowMs))}`)
        return
      }
      const isFirst = !named.some(({ troubles }) => troubles.some(({ isTold }) => isTold))
      cause.alerts++
      cause.isKnowable = true
      for (const device of named) for (const it of device.troubles) it.isTold ||= it === cause || named.length > 1
      const lostMs = first === undefined ? undefined : lostAtMs.get(first)
      if (alert.subject.kind === 'device' && first?.isCalledLost === true && isFirst && lostMs !== undefined)
        toldAfterS.push((nowMs - lostMs) / 1000)
    },
    finish(nowMs) {
      for (const device of byKey.values()) judgeSilence(device, nowMs)
      const counts = (kind: IncidentKind) => {
        const all = incidents.filter((it) => it.kind === kind)
        const knowable = all.filter((it) => it.isKnowable)
        return {
          all: all.length,
          knowable: knowable.length,
          alerts: all.reduce((sum, it) => sum + it.alerts, 0),
          missed: knowable.filter((it) => !it.isTold).length,
        }
      }
      const byKind = Object.fromEntries(incidentKinds.map((kind) => [kind, counts(kind)])) as Verdict['incidents']
      const sum = (field: 'knowable' | 'missed') => incidentKinds.reduce((all, kind) => all + byKind[kind][field], 0)
      const knowable = sum('knowable')
      return {
        incidents: byKind,
        ...{ knowable, alerts, ratio: alerts / Math.max(1, knowable), missed: sum('missed') },
        ...{ falseAlerts, falseLost, notFound, calledLost: overContract.length + falseLost.length },
        overContract: overContract.sort((a, b) => a - b),
        toldAfterS: toldAfterS.sort((a, b) => a - b),
      }
    },
  }
}
