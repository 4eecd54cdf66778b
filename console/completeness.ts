/** GET /api/completeness: for each hour of a device, how many of its reports were expected, received, late, duplicate, missing. */
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { channelOf, ledgerFields, ledgerMeasurement } from '../telemetry/schema.ts'
import { deviceName, ParameterError, parseTime, siteName } from './parameters.ts'

/** What was learned about an hour and is not in the store yet; `counts` in the order of ledgerFields, `hour` since 1970. */
export type OpenRow = { hour: number; counts: readonly number[] }

export type CompletenessOptions = {
  store: ReadingStore
  openRows: (device: string, site: string | undefined) => Promise<OpenRow[]>
}

type Asked = { device: string; site?: string; from?: string; to?: string }

const hourMs = 3_600_000
const hoursDefault = 24

const query = Type.Object(
  {
    device: deviceName,
    site: Type.Optional(siteName),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

export function addCompleteness(app: FastifyInstance, options: CompletenessOptions): void {
  app.get<{ Querystring: Asked }>('/api/completeness', { schema: { querystring: query } }, (request) =>
    answer(options, request.query),
  )
}

async function answer({ store, openRows }: CompletenessOptions, asked: Asked): Promise<object[]> {
  const toMs = parseTime('to', asked.to) ?? Date.now()
  const fromMs = startOfHour(parseTime('from', asked.from) ?? toMs - (hoursDefault - 1) * hourMs)
  if (fromMs > toMs) return []
  const { device, site } = asked
  const hours = new Map<number, number[]>()
  const add = (startMs: number, field: number, count: number) => {
    const counts = hours.get(startMs) ?? ledgerFields.map(() => 0)
    counts[field] = (counts[field] ?? 0) + count
    hours.set(startMs, counts)
  }
  for (const [i, field] of ledgerFields.entries()) {
    const channel = channelOf(ledgerMeasurement, field)
    const range = { device, ...(site !== undefined && { site }), channel, fromMs, toMs }
    const rows = await store.readings(range, limits.readingRowsMax + 1)
    if (rows.length > limits.readingRowsMax) throw new ParameterError('the range is too long: ask for a shorter one')
    for (const { timeMs, value } of rows) add(startOfHour(timeMs), i, value as number)
  }
  for (const { hour, counts } of await openRows(device, site)) {
    const startMs = hour * hourMs
    if (startMs < fromMs || startMs > toMs) continue
    for (const [i, count] of counts.entries()) add(startMs, i, count)
  }
  return [...hours]
    .toSorted(([a], [b]) => a - b)
    .map(([startMs, counts]) => ({
      hour: new Date(startMs).toISOString(),
      ...Object.fromEntries(ledgerFields.map((field, i) => [field, counts[i]])),
    }))
}

const startOfHour = (ms: number) => Math.floor(ms / hourMs) * hourMs
