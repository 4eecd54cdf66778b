/** Durations as people write them, in the configuration file and in requests. */
const unitMs: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `500ms`, `90s`, `10min`, `12h`, `30 d`; null when it is none. A number without a unit is none. */
export function durationMs(text: string): number | null {
  const [, digits, unit] = /^(\d+) ?(ms|s|min|h|d)$/.exec(text) ?? []
  const ms = Number(digits) * (unitMs[unit ?? ''] ?? Number.NaN)
  return Number.isSafeInteger(ms) ? ms : null
}

/** Milliseconds in the largest unit that leaves no fraction. */
export function durationText(ms: number): string {
  const unit = Object.keys(unitMs).findLast((name) => ms > 0 && ms % (unitMs[name] ?? 1) === 0) ?? 'ms'
  return `${ms / (unitMs[unit] ?? 1)}${unit}`
}
