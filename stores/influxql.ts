/** Asks InfluxDB in InfluxQL, the one query language that versions 1, 2 and 3 share. */
import { UnavailableError } from '../telemetry/errors.ts'

export const identifier = (name: string): string => `"${name.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`
export const literal = (text: string): string => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`

export type InfluxSeries = {
  name: string
  tags?: { [tag: string]: string }
  columns: string[]
  values: Array<Array<number | string | boolean | null>>
}

export type InfluxqlOptions = { url: string; bucket: string; token: string; timeoutMs: number }

/** Answers the series of the statements. `times`: milliseconds, or RFC 3339 with nanoseconds. @throws UnavailableError */
export async function influxql(
  options: InfluxqlOptions,
  statements: string | string[],
  times: 'ms' | 'text' = 'ms',
): Promise<InfluxSeries[]> {
  const q = typeof statements === 'string' ? statements : statements.join('; ')
  if (q === '') return []
  const epoch = times === 'ms' ? '&epoch=ms' : ''
  const url = `${options.url}/query?db=${encodeURIComponent(options.bucket)}${epoch}`
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Token ${options.token}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ q }),
      signal: AbortSignal.timeout(options.timeoutMs),
    })
  } catch (error) {
    const cause = (error as Error).cause as Error | undefined
    throw new UnavailableError('unreachable', `InfluxDB at ${options.url}: ${(cause ?? (error as Error)).message}`)
  }
  const text = await response.text()
  if (!response.ok) throw new UnavailableError(`http_${response.status}`, `InfluxDB: ${text.slice(0, 300)}`)
  const { results = [] } = JSON.parse(text) as { results?: Array<{ series?: InfluxSeries[]; error?: string }> }
  const error = results.find((result) => result.error !== undefined)?.error
  if (error !== undefined) throw new UnavailableError('query', `InfluxDB: ${error}`)
  return results.flatMap((result) => result.series ?? [])
}
