/** A change of an alert as points of the measurement `alerts` (telemetry/schema.ts). */
import type { Alert } from '../../telemetry/alert.ts'
import { createSeries, type FieldType, type Point } from '../../telemetry/point.ts'
import type { Value } from '../../telemetry/reading.ts'
import { alertMeasurement, deviceTag, siteTag } from '../../telemetry/schema.ts'

/** `atMs`: of the change; `position`: of the record that carries it. */
export function pointsOf(alert: Alert, atMs: number, position: number): Point[] {
  const { subject, rule, severity } = alert
  const tags: Array<[string, string]> = [
    ['rule', rule],
    ['severity', severity],
  ]
  if (subject.kind === 'device') tags.push([siteTag, subject.site], [deviceTag, subject.device])
  else {
    tags.push(['factor', subject.factor])
    if (subject.name !== '') tags.push(['name', subject.name])
    if (subject.factor === 'site') tags.push([siteTag, subject.name])
  }
  const fields: Array<[field: string, type: FieldType, value: Value]> = [
    ['state', 'string', alert.state],
    ['why', 'string', alert.why],
    ['suppressed', 'string', alert.suppressed ?? 'none'],
    ['id', 'string', alert.id],
  ]
  if (alert.value !== null) fields.push(['value', 'float', alert.value])
  const timeNs = BigInt(atMs) * 1_000_000n
  return fields.map(([field, type, value]) => ({
    series: createSeries(alertMeasurement, tags, field, type),
    timeNs,
    value,
    position,
  }))
}
