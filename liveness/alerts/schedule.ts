/** In which hours a rule tells of its alerts. UTC. */
import type { AlertRule } from '../../telemetry/alert.ts'

type Schedule = NonNullable<AlertRule['schedule']>

const dayMs = 86_400_000
const minuteMs = 60_000

/** An end before the beginning lies on the next day; beginning and end at one minute: the whole day. */
const lengthMs = ({ fromMinute, toMinute }: Schedule): number =>
  (toMinute > fromMinute ? toMinute - fromMinute : toMinute - fromMinute + 1440) * minuteMs

export function isOpen(schedule: Schedule, atMs: number): boolean {
  const midnightMs = Math.floor(atMs / dayMs) * dayMs
  return [midnightMs, midnightMs - dayMs].some((dayStartMs) => {
    const fromMs = dayStartMs + schedule.fromMinute * minuteMs
    return schedule.days.includes(weekday(dayStartMs)) && atMs >= fromMs && atMs < fromMs + lengthMs(schedule)
  })
}

/** When it opens next; null: never. */
export function opensAtMs(schedule: Schedule, atMs: number): number | null {
  const midnightMs = Math.floor(atMs / dayMs) * dayMs
  for (let day = 0; day <= 7; day++) {
    const fromMs = midnightMs + day * dayMs + schedule.fromMinute * minuteMs
    if (fromMs > atMs && schedule.days.includes(weekday(fromMs))) return fromMs
  }
  return null
}

const weekday = (timeMs: number): number => new Date(timeMs).getUTCDay()
