/** The readings of one device as columns by channel, gathered from the events of the truth. */

import type { Value } from '../../telemetry/reading.ts'
import type { Quantity } from '../sensor.ts'
import type { TimeKnowledge, TruthEvent } from '../truth/truth.ts'
import type { ChannelTruth } from './channel.ts'
import { windowOf } from './window.ts'

type ReportTruth = {
  boot: number | null
  profile: string
  time: TimeKnowledge
  atMs: number
  sentMs: number | null
  ackedMs: number | null
  isDropped: boolean
  isStored: boolean
}
type Column = { quantity: Quantity; takenMs: number[]; values: Value[]; reports: ReportTruth[] }

export type Gathered = ChannelTruth & { reports: ReportTruth[] }

/** Readings by what became of them. */
export type Fates = { acknowledged: number; dropped: number; open: number; quarantined: number }

export type DeviceTruth = {
  take(event: TruthEvent, quantities: Quantity[], profile: string): void
  channels(): string[]
  /** Those that are, or may be, in the store. */
  gather(channel: string, endMs: number, slackMs: number): Gathered
  fates(): Fates
  /** Reports that were acknowledged and belong into the quarantine. */
  quarantinedReports(): number
}

/** Two devices of the truth may bear one name: their readings stand in one series. */
export function createDeviceTruth(): DeviceTruth {
  /** By the number of the device, and of its report. */
  const byDevice = new Map<number, Map<number, ReportTruth>>()
  const columns = new Map<string, Column>()

  return {
    take(event, quantities, profile) {
      if (event.type === 'report') {
        const { device, nth, atMs, boot, time, samples, expect } = event
        const isStored = expect === 'stored'
        // What was measured last may have waited for the rest of its report.
        const waitsFromMs = Math.min(atMs, samples.at(-1)?.takenAtMs ?? atMs)
        const report = {
          profile,
          boot,
          time,
          atMs: waitsFromMs,
          sentMs: null,
          ackedMs: null,
          isDropped: false,
          isStored,
        }
        const reports = byDevice.get(device)
        if (reports === undefined) byDevice.set(device, new Map([[nth, report]]))
        else reports.set(nth, report)
        for (const [i, quantity] of quantities.entries()) {
          let column = columns.get(quantity.channel)
          if (column === undefined) {
            column = { quantity, takenMs: [], values: [], reports: [] }
            columns.set(quantity.channel, column)
          }
          for (const { takenAtMs, values } of samples) {
            const value = values[i] ?? null
            if (value === null) continue
            column.takenMs.push(takenAtMs)
            column.values.push(value)
            column.reports.push(report)
          }
        }
        return
      }
      if (event.type !== 'sent' && event.type !== 'acknowledged' && event.type !== 'dropped') return
      const report = byDevice.get(event.device)?.get(event.nth)
      if (report === undefined) return
      if (event.type === 'sent') report.sentMs ??= event.atMs
      else if (event.type === 'acknowledged') report.ackedMs ??= event.atMs
      else report.isDropped = true
    },
    channels: () => [...columns.keys()],
    gather(channel, endMs, slackMs) {
      const column = columns.get(channel) as Column
      const chosen: number[] = []
      for (const [i, { isStored, sentMs }] of column.reports.entries()) if (isStored && sentMs !== null) chosen.push(i)
      const loMs = new Float64Array(chosen.length)
      const hiMs = new Float64Array(chosen.length)
      const isMust = new Uint8Array(chosen.length)
      for (const [to, from] of chosen.entries()) {
        const { time, atMs, sentMs, ackedMs } = column.reports[from] as ReportTruth
        const times = { atMs, sentMs: sentMs as number, ackedMs: ackedMs ?? endMs }
        const [lo, hi] = windowOf(time, column.takenMs[from] as number, times, slackMs)
        loMs[to] = lo
        hiMs[to] = hi
        isMust[to] = ackedMs === null ? 0 : 1
      }
      return {
        quantity: column.quantity,
        takenMs: chosen.map((i) => column.takenMs[i] as number),
        boots: chosen.map((i) => (column.reports[i] as ReportTruth).boot),
        reports: chosen.map((i) => column.reports[i] as ReportTruth),
        readings: { loMs, hiMs, isMust, values: chosen.map((i) => column.values[i] as Value) },
      }
    },
    fates() {
      const fates = { acknowledged: 0, dropped: 0, open: 0, quarantined: 0 }
      for (const column of columns.values()) {
        for (const { isStored, ackedMs, isDropped } of column.reports) {
          if (!isStored) fates.quarantined++
          else if (ackedMs !== null) fates.acknowledged++
          else if (isDropped) fates.dropped++
          else fates.open++
        }
      }
      return fates
    },
    quarantinedReports() {
      let count = 0
      for (const reports of byDevice.values()) {
        for (const { isStored, ackedMs } of reports.values()) if (!isStored && ackedMs !== null) count++
      }
      return count
    },
  }
}
