/** `dewpoint alerts backtest`: what alert rules would have told, by what a running Dewpoint has stored. */
import { pino } from 'pino'
import { loadConfig, readConfigFile } from '../config/load.ts'
import { type RuleResult, runBacktest } from '../liveness/alerts/backtest.ts'
import { createCounters } from '../telemetry/counters.ts'
import { durationMs } from '../telemetry/duration.ts'
import { StartError } from '../telemetry/errors.ts'
import { printable } from '../telemetry/printable.ts'
import { readHistory } from './alerts-history.ts'
import { CommandError, reasonOf, serverOf } from './ask-server.ts'
import { parseOptions } from './options.ts'

const help = `Usage: dewpoint alerts backtest [options]

Runs alert rules over what a running Dewpoint has stored, and tells what they would have told, and when.

  --last TIME    how far back                                      (30d)
  --rules FILE   a configuration whose alerts count                (that of --config, or the default rule)
  --url URL      where Dewpoint runs                               (http://127.0.0.1:8080)
  --config FILE  take the address out of this configuration, and its alerts
  --json         the result as one line of JSON
  --help         this text

The store does not say which devices left by their own wish: those count as offline here.
Exit code: 0 when it was done, 1 when no answer came, 2 for bad options.
`

/** Resolves to the exit code. @throws StartError for bad options: exit 2. */
export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      last: { type: 'string', default: '30d' },
      rules: { type: 'string' },
      url: { type: 'string' },
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  if (positionals.length !== 1 || positionals[0] !== 'backtest')
    throw new StartError(`"${positionals.join(' ')}" given, backtest wanted; --help lists the options`)
  const lastMs = durationMs(values.last)
  if (lastMs === null || lastMs === 0)
    throw new StartError(`--last: "${values.last}" given, a duration like 12h or 30d wanted`)
  const file = values.rules ?? values.config
  const { rules, maintenance } = (file === undefined ? loadConfig(null, '', {}) : readConfigFile(file)).alerts
  const server = serverOf(values)

  const toMs = Date.now()
  try {
    const body = await askExport(server, toMs - lastMs, toMs)
    const events = await readHistory(body, rules)
    const options = { maintenance, counters: createCounters(), log: pino({ enabled: false }) }
    const results = runBacktest({ rules, events, toMs, ...options })
    process.stdout.write(
      values.json ? `${JSON.stringify({ events: events.length, rules: results })}\n` : toText(results),
    )
    return 0
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    process.stderr.write(`dewpoint: ${error.message}\n`)
    return 1
  }
}

async function askExport(server: string, fromMs: number, toMs: number): Promise<AsyncIterable<Uint8Array>> {
  const query = new URLSearchParams({ format: 'ndjson', from: String(fromMs), to: String(toMs) })
  try {
    const response = await fetch(`${server}/api/export?${query}`)
    if (response.ok && response.body !== null) return response.body
    throw new CommandError(`${server} answered ${response.status} to the question for an export`)
  } catch (error) {
    if (error instanceof CommandError) throw error
    const { cause, message } = error as Error
    throw new CommandError(`${server}: ${reasonOf(cause) || message}`)
  }
}

/** The two largest units of a time, for people: `2 h 5 min`. */
function lengthText(ms: number): string {
  const s = Math.round(ms / 1000)
  const parts: Array<[number, string]> = [
    [Math.floor(s / 86_400), 'd'],
    [Math.floor(s / 3_600) % 24, 'h'],
    [Math.floor(s / 60) % 60, 'min'],
    [s % 60, 's'],
  ]
  const from = parts.findIndex(([count]) => count > 0)
  if (from === -1) return `${Math.round(ms)} ms`
  const shown = parts.slice(from, from + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** Names come from devices: none may steer the terminal. */
export function toText(results: readonly RuleResult[]): string {
  const lines = results.flatMap(({ rule, fired, suppressed, detectedAfterMs, longestMs }) => {
    const times = `would have fired ${fired.length === 1 ? 'once' : `${fired.length} times`}`
    const detected = detectedAfterMs === null ? '' : `; detected after ${lengthText(detectedAfterMs)}`
    const longest = longestMs === null ? '' : `; longest ${lengthText(longestMs)}`
    const untold = suppressed === 0 ? '' : `; ${suppressed} more not told by themselves`
    return [
      `${rule}: ${fired.length === 0 ? 'would not have fired' : times}${detected}${longest}${untold}`,
      ...fired.map(({ title, firedAtMs, resolvedAtMs }) => {
        const until = resolvedAtMs === null ? 'still' : lengthText(resolvedAtMs - firedAtMs)
        return `  ${new Date(firedAtMs).toISOString()}  ${until.padEnd(12)}  ${title}`
      }),
    ]
  })
  return `${lines.map(printable).join('\n')}\n`
}
