/** GET /api/readings: all readings of a channel in a range, the newest of them, or a reduced picture. */
import { limits } from '../telemetry/limits.ts'
import type { ChannelQuery, ReadingStore, TimedValue } from '../telemetry/query.ts'
import { ParameterError, parseTime } from './parameters.ts'

export type ReadingsParameters = {
  device: string
  site?: string
  channel: string
  /** ISO 8601, or milliseconds since 1970. */
  from?: string
  to?: string
  points?: number
  newest?: number
}

const iso = (timeMs: number) => new Date(timeMs).toISOString()

const view = ({ timeMs, value }: TimedValue) => ({ time: iso(timeMs), value })

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
  if (asked.points !== undefined && asked.newest !== undefined)
    throw new ParameterError('points and newest given, one of them wanted')
  if (asked.points !== undefined) {
    const ranges = await store.downsampled({ ...query, fromMs, toMs }, asked.points)
    return ranges.map(({ timeMs, mean, min, max }) => ({ time: iso(timeMs), mean, min, max }))
  }
  if (asked.newest !== undefined)
    return (await store.readings({ ...query, fromMs, toMs }, asked.newest, 'last')).map(view)
  const readings = await store.readings({ ...query, fromMs, toMs }, limits.readingRowsMax + 1)
  if (readings.length > limits.readingRowsMax) {
    throw new ParameterError(
      `more than ${limits.readingRowsMax} readings in this range: ask for a shorter one, or add points=N or newest=N`,
    )
  }
  return readings.map(view)
}
