/** How values, times, units and untrusted bytes are written on the page. */
import type { Value } from './api.ts'

const decimals = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }))
const small = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 })

/** A value in one line; texts are cut where they are longer than `charactersMax`. */
export function formatValue(value: Value, charactersMax = 100): string {
  if (typeof value === 'number') return formatNumber(value)
  return typeof value === 'boolean' ? String(value) : formatText(value, charactersMax)
}

/** Written by a device that nobody vouches for: what cannot be seen, or turns the direction of writing, is replaced. */
function formatText(text: string, charactersMax: number): string {
  if (text === '') return '(empty)'
  const cut = text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text
  return cut.replace(/\s+/g, ' ').replace(unprintables, '\ufffd')
}

/** About four significant digits: more than a cheap sensor knows, few enough to be read at a glance. */
function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 1e9)) return value.toExponential(2)
  if (size < 1) return small.format(value)
  return decimals[size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 1 : 2]?.format(value) ?? String(value)
}

export const formatCount = (count: number): string => decimals[0]?.format(count) ?? String(count)

/** Codes that devices send (SenML, UCUM) and what people write. */
const unitNames: Record<string, string> = { Cel: '°C', '%RH': '% RH', degF: '°F', lx: 'lux', '/': '' }

export const formatUnit = (unit: string): string => unitNames[unit] ?? unit

export function withUnit(value: string, unit: string): string {
  const name = formatUnit(unit)
  return name === '' ? value : `${value}\u00a0${name}`
}

const steps: Array<[unitMs: number, name: string]> = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

export function formatDuration(durationMs: number): string {
  for (const [unitMs, name] of steps) {
    if (durationMs >= unitMs) return `${Math.floor(durationMs / unitMs)}\u00a0${name}`
  }
  return '0\u00a0s'
}

export const formatAge = (ageMs: number): string => (ageMs < 1_000 ? 'now' : `${formatDuration(ageMs)} ago`)

const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const formats = {
  minute: new Intl.DateTimeFormat(undefined, clock),
  second: new Intl.DateTimeFormat(undefined, { ...clock, second: '2-digit' }),
  day: new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' }),
  weekday: new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric' }),
  month: new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric' }),
  year: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
  full: new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', ...clock, second: '2-digit' }),
}

/** In the browser's local time; the day is added when it is not today, the year when it is not this one. */
export function formatTime(timeMs: number, nowMs: number): string {
  const [time, now] = [new Date(timeMs), new Date(nowMs)]
  if (time.getFullYear() !== now.getFullYear()) return formats.year.format(timeMs)
  const isToday = time.toDateString() === now.toDateString()
  return (isToday ? formats.second : formats.full).format(timeMs)
}

/** Labels of a time axis: as exact as the step between them, and the day where a new one begins. */
export function formatTicks(timesMs: number[], stepMs: number): string[] {
  let dayBefore = ''
  return timesMs.map((timeMs, i) => {
    if (stepMs >= 20 * 86_400_000) return formats.month.format(timeMs)
    if (stepMs >= 86_400_000) return formats.weekday.format(timeMs)
    const label = (stepMs < 60_000 ? formats.second : formats.minute).format(timeMs)
    const day = formats.day.format(timeMs)
    const isNewDay = day !== dayBefore && i > 0
    dayBefore = day
    return isNewDay ? `${label}\n${day}` : label
  })
}

const excerptBytes = 96
// Control characters, and those that turn the direction of writing: such a payload is shown as hex, not acted out.
const unprintable = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]/u
const unprintables = new RegExp(unprintable, 'gu')

/** A payload as text if every character can be shown, otherwise as hex. */
export function formatPayload(base64: string): { kind: 'text' | 'hex' | 'empty'; excerpt: string; bytes: number } {
  let bytes: Uint8Array
  try {
    bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  } catch {
    return { kind: 'text', excerpt: base64.slice(0, excerptBytes), bytes: base64.length }
  }
  if (bytes.length === 0) return { kind: 'empty', excerpt: 'empty', bytes: 0 }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!unprintable.test(text.replace(/[\t\r\n]/g, ' '))) {
      const excerpt = text.length > excerptBytes ? `${text.slice(0, excerptBytes)}…` : text
      return { kind: 'text', excerpt, bytes: bytes.length }
    }
  } catch {
    // Not UTF-8, so hex it is.
  }
  const hex = Array.from(bytes.subarray(0, excerptBytes / 3), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return { kind: 'hex', excerpt: bytes.length > excerptBytes / 3 ? `${hex} …` : hex, bytes: bytes.length }
}
