/** The first look at a truth: which devices there are, how much they measured, what was wrong and which alerts were heard. */
import { deviceKey } from '../../telemetry/device.ts'
import { surveyTruth, type TruthProblem } from '../truth/reader.ts'
import type { TruthDevice, TruthHead } from '../truth/truth.ts'
import { type AlertSummary, createAlertCheck } from './alerts.ts'
import type { Faults } from './faults.ts'

/** Readings in memory at a time, unless one device has more; about 100 bytes each. */
const readingsMax = 2_000_000

export type Survey = {
  /** By number. */
  devices: Map<number, TruthDevice>
  /** Readings by device, at most. */
  readings: Map<number, number>
  reports: number
  hasEnded: boolean
  endMs: number
  alerts: AlertSummary | null
}

export async function readSurvey(
  path: string,
  head: TruthHead,
  alertWithinMs: number | null,
  faults: Faults,
  onProblem: (problem: TruthProblem) => void,
): Promise<Survey> {
  const devices = new Map<number, TruthDevice>()
  const readings = new Map<number, number>()
  const alerts = alertWithinMs === null ? null : createAlertCheck(alertWithinMs)
  let [reports, hasEnded, endMs] = [0, false, head.startedAtMs]
  for await (const event of surveyTruth(path, { onProblem })) {
    alerts?.take(event)
    if (event.type === 'device') {
      devices.set(event.device, event.about)
      readings.set(event.device, 0)
      continue
    }
    endMs = Math.max(endMs, event.atMs)
    if (event.type === 'end') hasEnded = true
    else if (event.type === 'brief') {
      reports++
      const { quantities } = devices.get(event.device) as TruthDevice
      readings.set(event.device, (readings.get(event.device) as number) + event.samples * quantities.length)
    }
  }
  return { devices, readings, reports, hasEnded, endMs, alerts: alerts?.finish(endMs, faults) ?? null }
}

/** Numbers of devices that are read at a time. Those of one name belong together. */
export function* groupsOf({ devices, readings }: Survey): Generator<number[]> {
  const byName = new Map<string, number[]>()
  for (const [number, about] of devices) {
    const others = byName.get(deviceKey(about))
    if (others === undefined) byName.set(deviceKey(about), [number])
    else others.push(number)
  }
  let group: number[] = []
  let size = 0
  for (const numbers of byName.values()) {
    const its = numbers.reduce((sum, number) => sum + (readings.get(number) as number), 0)
    if (group.length > 0 && size + its > readingsMax) {
      yield group
      group = []
      size = 0
    }
    group.push(...numbers)
    size += its
  }
  if (group.length > 0) yield group
}
