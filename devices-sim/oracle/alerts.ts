/**
 * Alerts that were heard, against what was wrong.
 *
 * - Trouble is a device that is dead until it is not, and an incident from its begin to its end for the devices that it names.
 * - An alert is justified by trouble of its device that stands, or ended no longer ago than the bound; or by a report of the device
 *   that waits for its acknowledgement: it really does not get through. Else it is false.
 * - Trouble can be known from its begin; of a device that died asleep from when it meant to wake. Trouble that lasts longer than the
 *   bound from then on wants an alert within the bound: later it is late, without one it is missing. One alert is enough for
 *   all devices of an incident.
 *
 * Who listens for no alerts must not ask for this check: all would be missing.
 */
import { deviceKey } from '../../telemetry/device.ts'
import type { SurveyEvent } from '../truth/reader.ts'
import type { TruthDevice } from '../truth/truth.ts'
import type { Faults } from './faults.ts'

export type AlertSummary = { heard: number; troubles: number; false: number; late: number; missing: number }

export type AlertCheck = {
  take(event: SurveyEvent): void
  /** Tells the faults. `endMs`: of the run. */
  finish(endMs: number, faults: Faults): AlertSummary
}

type Trouble = {
  name: string
  devices: number[]
  fromMs: number
  knowableMs: number
  untilMs: number | null
  alertedMs: number | null
}
type DeviceState = {
  about: TruthDevice
  wakesMs: number | null
  /** Reports that stand in its memory. */
  waiting: number
  troubles: Trouble[]
}
type FalseAlert = { about: TruthDevice; atMs: number; payload: string }

export function createAlertCheck(withinMs: number): AlertCheck {
  const devices = new Map<number, DeviceState>()
  const bySubject = new Map<string, DeviceState[]>()
  const deaths = new Map<number, Trouble>()
  const incidents = new Map<number, Trouble>()
  const troubles: Trouble[] = []
  const falseAlerts: FalseAlert[] = []
  let heard = 0

  function begin(name: string, concerned: number[], fromMs: number, knowableMs: number): Trouble {
    const trouble = { name, devices: concerned, fromMs, knowableMs, untilMs: null, alertedMs: null }
    troubles.push(trouble)
    for (const device of concerned) devices.get(device)?.troubles.push(trouble)
    return trouble
  }

  function alerted(topic: string, payload: string, atMs: number): void {
    if (!isRaised(payload)) return
    const [, site = '', device = ''] = topic.split('/')
    // What is no device's own names them, or speaks for the site.
    const named = site === 'groups' ? devicesIn(payload).flatMap((key) => bySubject.get(key) ?? []) : []
    const concerned = named.length > 0 ? named : (bySubject.get(`${site}/${device}`) ?? bySubject.get(site))
    if (concerned === undefined) return
    heard++
    let isJustified = false
    for (const { troubles: its, waiting } of concerned) {
      for (const trouble of its) {
        if (trouble.untilMs !== null && atMs > trouble.untilMs + withinMs) continue
        isJustified = true
        trouble.alertedMs ??= atMs
      }
      isJustified ||= waiting > 0
    }
    if (!isJustified) falseAlerts.push({ about: (concerned[0] as DeviceState).about, atMs, payload })
  }

  return {
    take(event) {
      switch (event.type) {
        case 'device': {
          const { device, about } = event
          const state = { about, wakesMs: null, waiting: 0, troubles: [] }
          devices.set(device, state)
          for (const subject of [deviceKey(about), about.site]) {
            const others = bySubject.get(subject)
            if (others === undefined) bySubject.set(subject, [state])
            else others.push(state)
          }
          break
        }
        case 'brief':
        case 'acknowledged':
        case 'dropped': {
          const state = devices.get(event.device)
          if (state !== undefined) state.waiting = Math.max(0, state.waiting + (event.type === 'brief' ? 1 : -1))
          break
        }
        case 'state': {
          const state = devices.get(event.device)
          if (state === undefined) break
          const death = deaths.get(event.device)
          if (event.state === 'dead') {
            const knowableMs = Math.max(event.atMs, state.wakesMs ?? 0)
            if (death === undefined) deaths.set(event.device, begin('dead', [event.device], event.atMs, knowableMs))
          } else if (death !== undefined) {
            death.untilMs = event.atMs
            deaths.delete(event.device)
          }
          state.wakesMs = event.state === 'asleep' ? event.untilMs : null
          break
        }
        case 'incident': {
          const { id, atMs, phase, kind } = event
          if (phase === 'begin') {
            if (event.devices.length > 0) incidents.set(id, begin(kind, event.devices, atMs, atMs))
          } else {
            const incident = incidents.get(id)
            if (incident !== undefined) incident.untilMs = atMs
            incidents.delete(id)
          }
          break
        }
        case 'alert':
          alerted(event.topic, event.payload, event.atMs)
          break
      }
    },
    finish(endMs, faults) {
      for (const { about, atMs, payload } of falseAlerts) {
        const { site, device } = about
        const given = payload.slice(0, 160)
        faults.add({ kind: 'false_alert', site, device, channel: null, timeMs: atMs, given, wanted: 'no alert' })
      }
      const summary = { heard, troubles: troubles.length, false: falseAlerts.length, late: 0, missing: 0 }
      for (const { name, devices: concerned, fromMs, knowableMs, untilMs, alertedMs } of troubles) {
        const dueMs = knowableMs + withinMs
        if ((untilMs ?? endMs) <= dueMs || (alertedMs !== null && alertedMs <= dueMs)) continue
        const about = devices.get(concerned[0] as number)?.about
        if (about === undefined) continue
        const kind = alertedMs === null ? 'missing_alert' : 'late_alert'
        summary[alertedMs === null ? 'missing' : 'late']++
        const given = alertedMs === null ? 'none' : `after ${(alertedMs - knowableMs) / 1000} s`
        const wanted = `one within ${withinMs / 1000} s: ${name}, devices: ${concerned.length}`
        const { site, device } = about
        faults.add({ kind, site, device, channel: null, timeMs: fromMs, given, wanted })
      }
      return summary
    },
  }
}

/** An empty payload takes a retained alert away; `online` says that it is over. */
/** Of one alert for many devices. */
function devicesIn(payload: string): string[] {
  const { devices } = Object(JSON.parse(payload)) as { devices?: unknown }
  return Array.isArray(devices) ? devices.map((it) => deviceKey(it)) : []
}

function isRaised(payload: string): boolean {
  if (payload === '') return false
  try {
    return (Object(JSON.parse(payload)) as { state?: unknown }).state !== 'online'
  } catch {
    return true
  }
}
