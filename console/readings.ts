/** GET /api/readings: all readings of a channel in a range, or a reduced picture of them. */
import { limits } from '../telemetry/limits.ts'
import type { ChannelQuery, ReadingStore } from '../telemetry/query.ts'

export type ReadingsParameters = {
  device: string
  site?: string
  channel: string
  /** ISO 8601, or milliseconds since 1970. */
  from?: string
  to?: string
  points?: number
}

/** What was asked cannot be answered; becomes a 400. */
export class ParameterError extends Error {
  readonly statusCode = 400
}

const timeMsMax = 9.2e12

function parseTime(name: 'from' | 'to', text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isFinite(ms))
    throw new ParameterError(`${name}: "${text}" given, ISO 8601 like 2026-11-23T07:00:00Z wanted`)
  // Nothing is stored before 1970, or beyond what 64 bits of nanoseconds hold.
  return Math.min(Math.max(ms, 0), timeMsMax)
}

const iso = (timeMs: number) => new Date(timeMs).toISOString()

export async function answerReadings(store: ReadingStore, asked: ReadingsParameters): Promise<object[]> {
  const query: ChannelQuery = {
    device: asked.device,
    channel: asked.channel,
    ...(asked.site !== undefined && { site: asked.site }),
  }
  let fromMs = parseTime('from', asked.from)
  let toMs = parseTime('to', asked.to)
  if (fromMs === null || toMs === null) {
    const extent = await store.extent(query)
    if (extent === null) return []
    fromMs ??= extent.fromMs
    toMs ??= extent.toMs
  }
  if (fromMs > toMs) return []
  if (asked.points !== undefined) {
    const ranges = await store.downsampled({ ...query, fromMs, toMs }, asked.points)
    return ranges.map(({ timeMs, mean, min, max }) => ({ time: iso(timeMs), mean, min, max }))
  }
  const readings = await store.readings({ ...query, fromMs, toMs }, limits.readingRowsMax + 1)
  if (readings.length > limits.readingRowsMax) {
    throw new ParameterError(
      `more than ${limits.readingRowsMax} readings in this range: ask for a shorter one, or add points=N`,
    )
  }
  return readings.map(({ timeMs, value }) => ({ time: iso(timeMs), value }))
}
