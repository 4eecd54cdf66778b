/** Points told as readings: what stands beside them about their time becomes part of them. */
import { timeQualities } from '../telemetry/quality.ts'
import { channelOf, metaFields, timeQualityField, timeUncertaintyField } from '../telemetry/schema.ts'
import { type LinePoint, millisecond, parseLine } from './line.ts'

export type ExplainedReading = {
  channel: string
  /** As line protocol writes it: `1.5`, `3i`, `true`, `"text"`. */
  value: string
  /** ISO 8601 with nine digits: those below the millisecond keep readings apart. */
  time: string
  /** How the time came about. */
  timeFrom: string
  /** By how much it may be off. */
  timeUncertaintyMs: number | null
}

/** @param lines line protocol with times in nanoseconds */
export function explainReadings(lines: string[], receivedAtMs: number): ExplainedReading[] {
  const points = lines.flatMap((line) => parseLine(line) ?? [])
  const placeOf = ({ measurement, tags, time }: LinePoint) => JSON.stringify([measurement, tags, String(time)])
  const metas = new Map<string, string>()
  for (const point of points) {
    if (metaFields.includes(point.field)) metas.set(`${placeOf(point)} ${point.field}`, point.value)
  }
  return points.flatMap((point) => {
    const { measurement, field, value, time } = point
    if (metaFields.includes(field) || time === null) return []
    const quality = metas.get(`${placeOf(point)} ${timeQualityField}`)?.replaceAll('"', '')
    const uncertainty = metas.get(`${placeOf(point)} ${timeUncertaintyField}`)
    const isReceived = millisecond(time) === BigInt(receivedAtMs)
    return {
      channel: channelOf(measurement, field),
      value,
      time: isoTime(time),
      timeFrom: quality === undefined ? (isReceived ? 'when it arrived' : 'as the device says') : words(quality),
      timeUncertaintyMs: uncertainty === undefined ? null : Number.parseFloat(uncertainty),
    }
  })
}

const words = (quality: string) =>
  Object.hasOwn(timeQualities, quality) ? timeQualities[quality as keyof typeof timeQualities] : quality

function isoTime(ns: bigint): string {
  const ms = millisecond(ns)
  const below = String(ns - ms * 1_000_000n).padStart(6, '0')
  return new Date(Number(ms)).toISOString().replace('Z', `${below}Z`)
}
