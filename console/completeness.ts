/** GET /api/completeness: for each hour of a device, how many of its reports were expected, received, late, duplicate, missing. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { channelOf, ledgerFields, ledgerMeasurement } from '../telemetry/schema.ts'
import { BusyError, deviceName, ParameterError, parseTime, siteName } from './parameters.ts'

/** What was learned about an hour and is not in the store yet; `counts` in the order of ledgerFields, `hour` since 1970. */
export type OpenRow = { hour: number; counts: readonly number[] }

/** `version`: the same before and after a look into the store, and no null: what was seen there and here is the whole. */
export type OpenRows = { rows: OpenRow[]; version: number | null }

export type CompletenessOptions = {
  store: ReadingStore
  openRows: (device: string, site: string | undefined) => Promise<OpenRows>
}

type Asked = { device: string; site?: string; from?: string; to?: string }

const hourMs = 3_600_000
const hoursDefault = 24
/** Together longer than a store that answers takes for a batch. */
const retryMs = 50
const triesMax = 60

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

async function answer(options: CompletenessOptions, asked: Asked): Promise<object[]> {
  const toMs = parseTime('to', asked.to) ?? Date.now()
  const fromMs = startOfHour(parseTime('from', asked.from) ?? toMs - (hoursDefault - 1) * hourMs)
  if (fromMs > toMs) return []
  const hours = new Map<number, number[]>()
  for (const { hour, counts } of await wholeRows(options, asked, fromMs, toMs)) {
    const startMs = hour * hourMs
    if (startMs < fromMs || startMs > toMs) continue
    const sums = hours.get(startMs) ?? ledgerFields.map(() => 0)
    for (const [i, count] of counts.entries()) sums[i] = (sums[i] ?? 0) + count
    hours.set(startMs, sums)
  }
  return [...hours]
    .toSorted(([a], [b]) => a - b)
    .map(([startMs, counts]) => ({
      hour: new Date(startMs).toISOString(),
      ...Object.fromEntries(ledgerFields.map((field, i) => [field, counts[i]])),
    }))
}

/** Those of the store and those on their way to it, none missed and none twice: rows move every quarter of an hour. */
async function wholeRows(options: CompletenessOptions, asked: Asked, fromMs: number, toMs: number): Promise<OpenRow[]> {
  const { store, openRows } = options
  for (let tries = 0; tries < triesMax; tries++) {
    const before = await openRows(asked.device, asked.site)
    if (before.version !== null) {
      const stored = await storedRows(store, asked, fromMs, toMs)
      const { version } = await openRows(asked.device, asked.site)
      if (version === before.version) return [...stored, ...before.rows]
    }
    await sleep(retryMs)
  }
  throw new BusyError('the counts of a quarter of an hour are just on their way to the store: ask again')
}

async function storedRows(
  store: ReadingStore,
  { device, site }: Asked,
  fromMs: number,
  toMs: number,
): Promise<OpenRow[]> {
  const found: OpenRow[] = []
  for (const [i, field] of ledgerFields.entries()) {
    const channel = channelOf(ledgerMeasurement, field)
    const range = { device, ...(site !== undefined && { site }), channel, fromMs, toMs }
    const rows = await store.readings(range, limits.readingRowsMax + 1)
    if (rows.length > limits.readingRowsMax) throw new ParameterError('the range is too long: ask for a shorter one')
    for (const { timeMs, value } of rows) {
      const counts = ledgerFields.map((_, at) => (at === i ? (value as number) : 0))
      found.push({ hour: Math.floor(timeMs / hourMs), counts })
    }
  }
  return found
}

const startOfHour = (ms: number) => Math.floor(ms / hourMs) * hourMs
