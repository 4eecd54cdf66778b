/**
 * GET /api/completeness: for each hour of a device, how many of its reports were expected, received, late, duplicate, missing, and
 * whose fault that is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { channelOf, ledgerFields, ledgerMeasurement } from '../telemetry/schema.ts'
import { missingByInterval } from './due-reports.ts'
import { type FaultSources, gatherEvidence } from './fault-evidence.ts'
import { createFaultFinder, type Evidence } from './faults.ts'
import { BusyError, deviceName, ParameterError, parseTime, siteName } from './parameters.ts'

/** What was learned about an hour and is not in the store yet; `counts` in the order of ledgerFields, `hour` since 1970. */
export type OpenRow = { hour: number; counts: readonly number[] }

/**
 * `version`: the same before and after a look into the store, and no null: what was seen there and here is the whole. `isNumbered`:
 * the device's reports carry sequences.
 */
export type OpenRows = { rows: OpenRow[]; version: number | null; isNumbered: boolean }

export type CompletenessOptions = {
  store: ReadingStore
  openRows: (device: string, site: string | undefined) => Promise<OpenRows>
  faults: FaultSources
}

type Asked = { device: string; site?: string; from?: string; to?: string }

/** By field of the ledger, [expected, received, late, duplicate, missing]. */
type Hours = Map<number, number[]>

const hourMs = 3_600_000
const [receivedAt, expectedAt, missingAt] = [
  ledgerFields.indexOf('received'),
  ledgerFields.indexOf('expected'),
  ledgerFields.indexOf('missing'),
]
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
  const nowMs = Date.now()
  const toMs = parseTime('to', asked.to) ?? nowMs
  const fromMs = startOfHour(parseTime('from', asked.from) ?? toMs - (hoursDefault - 1) * hourMs)
  if (fromMs > toMs) return []
  const { rows, isNumbered } = await wholeRows(options, asked, fromMs, toMs)
  const hours: Hours = new Map()
  for (const { hour, counts } of rows) {
    const startMs = hour * hourMs
    if (startMs < fromMs || startMs > toMs) continue
    const sums = hours.get(startMs) ?? ledgerFields.map(() => 0)
    for (const [i, count] of counts.entries()) sums[i] = (sums[i] ?? 0) + count
    hours.set(startMs, sums)
  }
  const evidence = await gatherEvidence(options.store, options.faults, { ...asked, fromMs, toMs, nowMs, isNumbered })
  const everyMs = isNumbered ? null : options.faults.everyMsOf(asked.device, asked.site)
  if (everyMs !== null) expectByInterval(hours, evidence, everyMs, Math.min(toMs + 1, nowMs))
  const faultsOf = createFaultFinder(evidence)
  return [...hours]
    .toSorted(([a], [b]) => a - b)
    .map(([startMs, counts]) => {
      const [expected, missing] = [counts[expectedAt] as number, counts[missingAt] as number]
      const endMs = Math.min(startMs + hourMs, Math.max(nowMs, startMs + 1))
      return {
        hour: new Date(startMs).toISOString(),
        ...Object.fromEntries(ledgerFields.map((field, i) => [field, counts[i]])),
        faults: faultsOf({ fromMs: startMs, toMs: endMs, expected, missing }),
      }
    })
}

/** From when the device is first known in the range; hours in which nothing came are among them. */
function expectByInterval(hours: Hours, { states }: Evidence, everyMs: number, endMs: number): void {
  const knownMs = states[0]?.fromMs ?? Number.POSITIVE_INFINITY
  const earliestMs = Math.min(...hours.keys(), knownMs)
  // A device that was new within an hour owes nothing of the time before.
  const firstMs = startOfHour(knownMs) === startOfHour(earliestMs) ? knownMs : earliestMs
  const starts: number[] = []
  for (let startMs = startOfHour(firstMs); startMs < endMs; startMs += hourMs) {
    if (starts.push(startMs) > limits.readingRowsMax) throw tooLong()
  }
  const received = starts.map((startMs) => ({
    received: hours.get(startMs)?.[receivedAt] ?? 0,
    lastsMs: Math.min(startMs + hourMs, endMs) - Math.max(startMs, firstMs),
  }))
  for (const [i, missing] of missingByInterval(received, everyMs).entries()) {
    const counts = hours.get(starts[i] as number) ?? ledgerFields.map(() => 0)
    counts[missingAt] = missing
    counts[expectedAt] = missing + (counts[receivedAt] as number)
    hours.set(starts[i] as number, counts)
  }
}

/** Those of the store and those on their way to it, none missed and none twice: rows move every quarter of an hour. */
async function wholeRows(
  options: CompletenessOptions,
  asked: Asked,
  fromMs: number,
  toMs: number,
): Promise<Omit<OpenRows, 'version'>> {
  const { store, openRows } = options
  for (let tries = 0; tries < triesMax; tries++) {
    const before = await openRows(asked.device, asked.site)
    if (before.version !== null) {
      const stored = await storedRows(store, asked, fromMs, toMs)
      const { version } = await openRows(asked.device, asked.site)
      if (version === before.version) return { rows: [...stored, ...before.rows], isNumbered: before.isNumbered }
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
    if (rows.length > limits.readingRowsMax) throw tooLong()
    for (const { timeMs, value } of rows) {
      const counts = ledgerFields.map((_, at) => (at === i ? (value as number) : 0))
      found.push({ hour: Math.floor(timeMs / hourMs), counts })
    }
  }
  return found
}

const startOfHour = (ms: number) => Math.floor(ms / hourMs) * hourMs
const tooLong = () => new ParameterError('the range is too long: ask for a shorter one')
