/** Days and moments as the configuration file writes them; without a zone they are UTC. */

/** Milliseconds since 1970 of `2026-05-01`, `2026-05-01T12:00Z`, `2026-05-01T12:00:30+02:00`; null when it is none. */
export function dateMs(text: string): number | null {
  const [isDate, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text) ?? []
  if (isDate === undefined || day === undefined) return null
  // Date.parse() takes the 31st of February for a day in March.
  const midnight = Date.parse(`${day}T00:00Z`)
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null
  const ms = Date.parse(`${day}${time}${zone}`)
  return Number.isNaN(ms) ? null : ms
}
