/** The writing half of `struct`: readings in the order in which the layout reads them. */
import type { Reading, Report } from '../reading.ts'
import { isChannel, millisecondsFrom, type Part, type Step, writeNumber } from './struct-steps.ts'

const baseOf: { [role: string]: string } = { time: 'unix', uptime: 'boot', age: 'now' }

/** @throws Error when the readings do not fit the layout. Times that the layout has no place for are left out. */
export function encodeStruct(reports: Report[], head: Part, repeat: Part): Buffer {
  const isCounted = repeat.steps.some(({ name }) => name === 'seq')
  if (!isCounted && reports.length > 1) throw new Error('struct: one report wanted, as no repeat holds a seq')
  const all = reports.flatMap((report) => report.readings.map((reading) => ({ report, reading })))
  const count = repeat.channels === 0 ? 0 : (all.length - head.channels) / repeat.channels
  if (count < 0 || !Number.isInteger(count) || (count === 0 && all.length !== head.channels)) {
    const wanted = `${head.channels}${repeat.channels === 0 ? '' : ` and a multiple of ${repeat.channels}`}`
    throw new Error(`struct: ${all.length} readings given, ${wanted} wanted`)
  }
  const payload = Buffer.alloc(head.bytes + count * repeat.bytes)
  let taken = 0
  for (let i = -1; i < count; i++) {
    const part = i < 0 ? head : repeat
    const at = i < 0 ? 0 : head.bytes + i * repeat.bytes
    const own = all.slice(taken, taken + part.channels)
    // A head without channels takes its time from the first repeat, and its boot from its report.
    const { report, reading } = own[0] ?? all[0] ?? {}
    taken += part.channels
    const readings = own.map((it) => it.reading)
    for (const step of part.steps) {
      if (step.name === '-') continue
      const value = isChannel(step) ? channelValue(step, readings) : roleValue(step, report, reading)
      if (value === undefined) throw new Error(`struct: nothing given for ${step.name}`)
      writeNumber(payload, at + step.offset, step, value)
    }
  }
  return payload
}

function channelValue({ name }: Step, readings: Reading[]): number | undefined {
  const value = readings.find(({ channel }) => channel === name)?.value
  if (value !== undefined && typeof value !== 'number') throw new Error(`struct: ${name} is ${value}, a number wanted`)
  return value
}

function roleValue(step: Step, report: Report | undefined, reading: Reading | undefined): number | undefined {
  switch (step.name) {
    case 'seq':
      return report?.sequence
    case 'boot':
      return report?.boot
    case 'next':
      return report?.nextS
  }
  const { timeBase = 'none', timeMs = 0 } = reading ?? {}
  if (timeBase !== baseOf[step.name]) throw new Error(`struct: a time of base ${timeBase} given for ${step.name}`)
  if (timeBase === 'now') return (0 - timeMs) / 1000
  // As milliseconds where there is room for them, and where they are not mistaken for seconds.
  return timeBase === 'unix' && step.bits > 40 && timeMs >= millisecondsFrom ? timeMs : timeMs / 1000
}
