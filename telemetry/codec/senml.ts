/**
 * SenML [RFC 8428]: records to readings and back. senml-json.ts and senml-cbor.ts only parse and label.
 *
 * A pack is one report, its readings in the order of the payload.
 * - Channel: without a base name the whole name. With one, the record's own `n`; without `n` (the base name says everything),
 *   what stands behind the last `/` or `:` of the name.
 * - Time: base time and time together. From 2^28 s on since 1970, below it relative to now [§4.5.3]; a time ahead of now is
 *   for actuators and no measurement's. Neither said: the reading has no time.
 * - Sum: a reading of its own, after the value; channel with `_sum` behind it, without a unit, since a meter in W sums J [§7].
 * - Unit: as the record says it, secondary units [RFC 8798] too; units.ts converts.
 * - Data values are text, in base64url as in JSON. Update time is the report's `nextS`, the shortest of the pack.
 */
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Reading, Report, TimeBase } from '../reading.ts'

/** What kind of value each field holds, by its label in JSON [§5, table 4]. */
export const fieldKinds = {
  bn: 'text',
  bt: 'number',
  bu: 'text',
  bv: 'number',
  bs: 'number',
  bver: 'number',
  n: 'text',
  u: 'text',
  v: 'number',
  vs: 'text',
  vb: 'boolean',
  vd: 'data',
  s: 'number',
  t: 'number',
  ut: 'number',
} as const

export type Label = keyof typeof fieldKinds
type ValueOf = { text: string; data: string; number: number; boolean: boolean }
export type SenmlRecord = { [L in Label]: ValueOf[(typeof fieldKinds)[L]] | undefined }

export const createRecord = (): SenmlRecord => ({
  bn: undefined,
  bt: undefined,
  bu: undefined,
  bv: undefined,
  bs: undefined,
  bver: undefined,
  n: undefined,
  u: undefined,
  v: undefined,
  vs: undefined,
  vb: undefined,
  vd: undefined,
  s: undefined,
  t: undefined,
  ut: undefined,
})

/** Fields that no one knows may be ignored, unless the label says by its end that they must be understood [§4.4]. */
export const mustUnderstand = (label: string): boolean => label.endsWith('_')

export const problem = (code: MessageProblem['code'], detail: string): MessageProblem => ({ code, detail })

const version = 10
/** Version 10 with the feature bit of secondary units [RFC 9100 §3]. */
const versionWithSecondaryUnits = version + 2 ** 4

/** [§4.5.3] */
const absoluteFromS = 2 ** 28
/** 2262: the last time that fits into 64 bits of nanoseconds. */
const timeSMax = 9.2e9

/** [§4.5.1] */
const nameRule = /^[A-Za-z0-9][-A-Za-z0-9:./_]*$/

export const sumSuffix = '_sum'

export type Resolver = {
  /** The next record of the pack; the same object may be used again. */
  add(record: SenmlRecord): MessageProblem | null
  end(): Report[] | MessageProblem
}

export function createResolver(): Resolver {
  const readings: Reading[] = []
  let count = 0
  let baseName = ''
  let baseTime: number | undefined
  let baseUnit = ''
  let baseValue = 0
  let baseSum: number | undefined
  let packVersion: number | undefined
  let nextS: number | undefined
  // Records mostly name what the one before named.
  let knownBase: string | undefined
  let knownName: string | undefined
  let channel = ''
  let timeBase: TimeBase = 'none'
  let timeMs = 0

  const at = (code: MessageProblem['code'], detail: string) => problem(code, `record ${count}: ${detail}`)

  function takeBase(record: SenmlRecord): MessageProblem | null {
    if (record.bn !== undefined) baseName = record.bn
    if (record.bt !== undefined) baseTime = record.bt
    if (record.bu !== undefined) baseUnit = record.bu
    if (record.bv !== undefined) baseValue = record.bv
    if (record.bs !== undefined) baseSum = record.bs
    const { bver } = record
    if (bver === undefined) return null
    if (!Number.isInteger(bver) || bver < 1 || (bver > version && bver !== versionWithSecondaryUnits)) {
      return at('bad_payload', `version ${bver} given, at most ${version} or ${versionWithSecondaryUnits} wanted`)
    }
    if (packVersion !== undefined && packVersion !== bver) {
      return at('bad_payload', `version ${bver} given after ${packVersion}, one version for the pack wanted`)
    }
    packVersion = bver
    return null
  }

  function takeName(n: string | undefined): MessageProblem | null {
    if (baseName === knownBase && n === knownName) return null
    const name = baseName + (n ?? '')
    if (!nameRule.test(name)) {
      const wanted = 'letters, digits and -:./_ with a letter or digit in front'
      return at('bad_payload', `the name is ${quote(name)}, ${wanted} wanted`)
    }
    knownBase = baseName
    knownName = n
    channel = baseName === '' ? name : n || name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf(':')) + 1)
    return null
  }

  function takeTime(t: number | undefined): MessageProblem | null {
    const timeS = (baseTime ?? 0) + (t ?? 0)
    if (!(Math.abs(timeS) <= timeSMax)) return at('bad_time', `${timeS} s given, a time up to the year 2262 wanted`)
    if (timeS > 0 && timeS < absoluteFromS) {
      return at('bad_time', `${timeS} s after now given, a time of the past or from ${absoluteFromS} s on wanted`)
    }
    timeBase = timeS >= absoluteFromS ? 'unix' : baseTime === undefined && t === undefined ? 'none' : 'now'
    // To the microsecond: what is below is the rounding of the sum.
    timeMs = Math.round(timeS * 1e6) / 1e3
    return null
  }

  function push(name: string, value: Reading['value'], unit: string): MessageProblem | null {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      return at('bad_value', `the value of ${quote(name)} is ${value}, a finite number wanted`)
    }
    if (typeof value === 'string' && value.length > limits.valueCharsMax) {
      return at('bad_value', `a text of ${value.length} characters given, at most ${limits.valueCharsMax} wanted`)
    }
    if (readings.length >= limits.readingsPerMessageMax) {
      return at('bad_payload', `more than ${limits.readingsPerMessageMax} readings in one message`)
    }
    readings.push({ channel: name, value, unit, timeBase, timeMs })
    return null
  }

  function takeValues(record: SenmlRecord): MessageProblem | null {
    const { v, vs, vb, vd, s } = record
    const values = +(v !== undefined) + +(vs !== undefined) + +(vb !== undefined) + +(vd !== undefined)
    const sum = s === undefined && baseSum === undefined ? undefined : (baseSum ?? 0) + (s ?? 0)
    if (values > 1 || (values === 0 && sum === undefined)) {
      return at('bad_payload', `${values} values given, exactly one of v, vs, vb, vd wanted, or a sum`)
    }
    const value = v === undefined ? (vs ?? vb ?? vd) : baseValue + v
    const wrong = value === undefined ? null : push(channel, value, record.u ?? baseUnit)
    return wrong ?? (sum === undefined ? null : push(channel + sumSuffix, sum, ''))
  }

  function takeUpdateTime(ut: number | undefined): MessageProblem | null {
    if (ut === undefined) return null
    if (!(ut >= 0 && ut <= timeSMax)) return at('bad_payload', `update time ${ut} given, seconds from 0 on wanted`)
    if (ut > 0) nextS = Math.min(nextS ?? ut, ut)
    return null
  }

  return {
    add(record) {
      count++
      const wrongBase = takeBase(record)
      if (wrongBase !== null) return wrongBase
      // A record of base fields alone sets them for the others, as the example of §5.1.7 does.
      if (isBaseOnly(record)) return null
      return takeName(record.n) ?? takeTime(record.t) ?? takeUpdateTime(record.ut) ?? takeValues(record)
    },
    end() {
      if (readings.length === 0) return problem('bad_payload', `${count} records without a value given, one wanted`)
      return [nextS === undefined ? { readings } : { readings, nextS }]
    },
  }
}

function isBaseOnly({ bn, bt, bu, bv, bs, bver, n, u, v, vs, vb, vd, s, t, ut }: SenmlRecord): boolean {
  const hasOwn = (v ?? vs ?? vb ?? vd ?? s ?? n ?? u ?? t ?? ut) !== undefined
  return !hasOwn && (bn ?? bt ?? bu ?? bv ?? bs ?? bver) !== undefined
}

export const quote = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/**
 * The records of one report; what they share is in base fields.
 * @throws Error for what SenML cannot say: several reports, sequence and boot, no or another name, times since boot
 */
export function toRecords(reports: Report[]): Array<Partial<SenmlRecord>> {
  const [report] = reports
  const first = report?.readings[0]
  if (report === undefined || first === undefined || reports.length > 1)
    throw new Error('SenML holds exactly one report')
  if (report.sequence !== undefined || report.boot !== undefined || report.sentMs !== undefined) {
    throw new Error('SenML holds neither sequence, boot nor the time of sending')
  }
  const { readings, nextS } = report
  const hasOneTimeBase = first.timeBase !== 'none' && readings.every(({ timeBase }) => timeBase === first.timeBase)
  const baseTimeMs = hasOneTimeBase ? first.timeMs : 0
  const baseUnit = readings.every(({ unit }) => unit !== '') ? first.unit : ''
  const baseValue = baseValueOf(readings)
  let baseName = ''
  return readings.map((reading, i) => {
    checkSayable(reading)
    const record: Partial<SenmlRecord> = {}
    // A base name holds until the channel changes; a name of several parts would lose them (see Channel above).
    const own = /[:/]/.test(reading.channel) ? '' : reading.channel
    if (own !== baseName) record.bn = own
    baseName = own
    if (i === 0 && hasOneTimeBase) record.bt = baseTimeMs / 1000
    if (i === 0 && baseUnit !== '') record.bu = baseUnit
    if (own === '') record.n = reading.channel
    if (reading.unit !== baseUnit) record.u = reading.unit
    const timeMs = reading.timeMs - baseTimeMs
    if (reading.timeBase !== 'none' && (timeMs !== 0 || !hasOneTimeBase)) record.t = timeMs / 1000
    if (i === 0 && baseValue !== 0) record.bv = baseValue
    if (typeof reading.value === 'number') record.v = reading.value - baseValue
    else if (typeof reading.value === 'string') record.vs = reading.value
    else record.vb = reading.value
    if (i === 0 && nextS !== undefined) record.ut = nextS
    return record
  })
}

/** The lowest value, where all are whole: sums of other numbers would not always come back as they were. */
function baseValueOf(readings: Reading[]): number {
  let [lowest, highest] = [Infinity, -Infinity]
  for (const { value } of readings) {
    if (!Number.isSafeInteger(value)) return 0
    lowest = Math.min(lowest, value as number)
    highest = Math.max(highest, value as number)
  }
  return readings.length > 1 && Number.isSafeInteger(highest - lowest) ? lowest : 0
}

function checkSayable({ channel, value, timeBase, timeMs }: Reading): void {
  if (!nameRule.test(channel)) throw new Error(`SenML cannot hold the name ${quote(channel)}`)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`SenML cannot hold ${value}`)
  const isTime =
    timeBase === 'none' ||
    (timeBase === 'unix' && timeMs >= absoluteFromS * 1000) ||
    (timeBase === 'now' && timeMs <= 0)
  if (!isTime) throw new Error(`SenML cannot hold the time ${timeMs} ms of base ${timeBase}`)
}
