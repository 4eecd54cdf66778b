/** Everything that a store holds, asked of a running Dewpoint: the same way for both stores. */
import type { Value } from '../../telemetry/reading.ts'
import { ledgerMeasurement } from '../../telemetry/schema.ts'
import type { DewpointServer } from '../servers/dewpoint.ts'

export type StoredPoint = {
  timeMs: number
  measurement: string
  field: string
  site: string
  device: string
  value: Value
}

export async function storedPoints(server: DewpointServer): Promise<StoredPoint[]> {
  const response = await fetch(`${server.httpUrl}/api/export?format=ndjson`)
  const text = await response.text()
  if (!response.ok) throw new Error(`/api/export: ${response.status} ${text.slice(0, 500)}`)
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const { time, ...point } = JSON.parse(line) as StoredPoint & { time: string }
    return { ...point, timeMs: Date.parse(time) }
  })
}

/** Sums of the completeness ledger over all devices and hours. */
export function ledgerOf(points: StoredPoint[]): { [field: string]: number } {
  const sums: { [field: string]: number } = {}
  for (const { measurement, field, value } of points) {
    if (measurement === ledgerMeasurement) sums[field] = (sums[field] ?? 0) + (value as number)
  }
  return sums
}
