/** Which fields the bucket has, and which of them a channel is. The answer is remembered for some seconds. */
import type { FieldType } from '../telemetry/point.ts'
import type { StoredField } from '../telemetry/query.ts'
import { channelOf, isChannel, metaFields, platformMeasurements } from '../telemetry/schema.ts'
import { type InfluxSeries, identifier } from './influxql.ts'

export type Fields = {
  /** Of the whole bucket. */
  all(): Promise<StoredField[]>
  /** Of measurements that are ours, the platform's too. */
  ours(): Promise<StoredField[]>
  /** Fields that are channels, or those that are this one. */
  channels(channel?: string): Promise<StoredField[]>
  /** Something new was written. */
  forget(): void
}

const rememberedMs = 10_000

/** `measurements`: those that hold readings of devices; null: all of the bucket. */
export function createFields(
  ask: (statement: string) => Promise<InfluxSeries[]>,
  measurements: () => string[] | null,
): Fields {
  let known: Promise<StoredField[]> | null = null
  let knownAt = 0

  async function load(): Promise<StoredField[]> {
    const series = await ask('SHOW FIELD KEYS')
    return series.flatMap(({ name, values }) =>
      values.map(([field, type]) => ({ measurement: name, field: String(field), type: type as FieldType })),
    )
  }

  function all(): Promise<StoredField[]> {
    if (known !== null && performance.now() - knownAt < rememberedMs) return known
    const asked = load()
    known = asked
    knownAt = performance.now()
    asked.catch(() => {
      if (known === asked) known = null
    })
    return asked
  }

  async function ours(): Promise<StoredField[]> {
    const named = measurements()
    const found = await all()
    if (named === null) return found
    return found.filter((it) => named.includes(it.measurement) || platformMeasurements.includes(it.measurement))
  }

  /** What is no channel (the ledger) is found by those who know its name. */
  const find = async (channel: string | undefined) =>
    (await ours()).filter(({ measurement, field }) =>
      channel === undefined
        ? isChannel(measurement, field)
        : channelOf(measurement, field) === channel && !metaFields.includes(field),
    )

  return {
    all,
    ours,
    async channels(channel) {
      const found = await find(channel)
      if (found.length > 0) return readable(found)
      // Someone else may have written the first reading of it just now.
      known = null
      return readable(await find(channel))
    },
    forget() {
      known = null
    },
  }
}

/**
 * InfluxDB keeps the type of a field for some days of time at once, so a field may have had several. Each is asked for
 * by its own; only that a float also answers the integers.
 */
export const readable = (fields: StoredField[]): StoredField[] =>
  fields.filter(
    (one) =>
      one.type !== 'integer' ||
      !fields.some((it) => it.measurement === one.measurement && it.field === one.field && it.type === 'float'),
  )

export const isNumber = ({ type }: StoredField): boolean => type === 'float' || type === 'integer'
/** The field as an expression that answers values of its type only. */
export const typed = ({ field, type }: StoredField): string => `${identifier(field)}::${type}`
