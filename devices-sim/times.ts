/** Times as people write them into files. One without a zone is UTC: the file does not say where it was written. */

export const timeFormats = ['iso', 'dmy', 'epoch-s', 'epoch-ms'] as const
export type TimeFormat = (typeof timeFormats)[number]

const iso =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)(?:[T ](?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?)?)?(?<zone>Z|[+-]\d\d:?\d\d)?$/
const dmy =
  /^(?<day>\d\d?)\.(?<month>\d\d?)\.(?<year>\d{4})(?: (?<hour>\d\d?):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?)?)?$/
const epoch = /^\d+(\.\d+)?$/
/** As in the codec of the payload: below this an epoch is in seconds. */
const epochMsFrom = 1e11

/** Milliseconds since 1970, or null. Without a format, whichever fits the text. */
export function parseTime(text: string, format?: TimeFormat): number | null {
  if (format === 'iso') return parseDate(iso, text)
  if (format === 'dmy') return parseDate(dmy, text)
  if (!epoch.test(text)) return format === undefined ? (parseDate(iso, text) ?? parseDate(dmy, text)) : null
  const number = Number(text)
  const isSeconds = format === 'epoch-s' || (format === undefined && number < epochMsFrom)
  return Math.round(isSeconds ? number * 1000 : number)
}

function parseDate(pattern: RegExp, text: string): number | null {
  const parts = pattern.exec(text)?.groups
  if (parts === undefined) return null
  const wanted = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((part) => Number(parts[part] ?? 0))
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = wanted
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date.UTC() makes March 2nd of February 30th; a file that says so has an error in it.
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour
  if (!isReal || minute > 59 || second > 59) return null
  return date.getTime() + Math.floor(Number(`0.${parts.fraction ?? 0}`) * 1000) - zoneMs(parts.zone)
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
