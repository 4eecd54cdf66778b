/** `dewpoint simulate verify`: the truth of a run against what a running Dewpoint holds. For people, and for CI by its exit code. */
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Balance } from '../console/status.ts'
import { toHtml } from '../devices-sim/oracle/report.ts'
import { isRight, toText } from '../devices-sim/oracle/result.ts'
import { verify } from '../devices-sim/oracle/verify.ts'
import { slackMsDefault } from '../devices-sim/oracle/window.ts'
import { readTruthHead } from '../devices-sim/truth/reader.ts'
import { StartError } from '../telemetry/errors.ts'
import { printableLines } from '../telemetry/printable.ts'
import type { QuarantineEntry } from '../telemetry/quarantine.ts'
import { askServer, CommandError, serverOf } from './ask-server.ts'
import { parseDuration, parseOptions } from './options.ts'
import { quarantinedByDevice } from './quarantined-by-device.ts'
import { fetchExport } from './stored-export.ts'

const help = `Usage: dewpoint simulate verify TRUTH [options]

Compares the truth that a run of simulated devices wrote with what a running Dewpoint holds: every reading that was
acknowledged is there, once, with its value, at its time; nothing else is.

  --url URL             where Dewpoint runs                              (http://127.0.0.1:8080)
  --config FILE         take the address out of this configuration
  --wait TIME           how long it may take to store what it holds      (60s)
  --slack TIME          how far its clock and the simulator's may differ (${slackMsDefault / 1000}s)
  --alerts-within TIME  also checks the alerts that the run heard: how soon trouble must have made one
  --report FILE         writes a page with plots, HTML in one file
  --json                the result as one line of JSON
  --help                this text

Exit code: 0 when all is right, 1 when something is lost, double, invented or wrong, or no answer came, 2 for bad options.
`

const pollMs = 500

/** Resolves to the exit code. @throws StartError for bad options: exit 2. */
export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      config: { type: 'string' },
      wait: { type: 'string', default: '60s' },
      slack: { type: 'string', default: `${slackMsDefault}ms` },
      'alerts-within': { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [path] = positionals
  if (path === undefined || positionals.length > 1)
    throw new StartError(`${positionals.length} files given, the truth of one run wanted; --help lists the options`)
  const waitMs = parseDuration('wait', values.wait)
  const slackMs = parseDuration('slack', values.slack)
  const alertsWithin = values['alerts-within']
  const alertWithinMs = alertsWithin === undefined ? null : parseDuration('alerts-within', alertsWithin)
  const server = serverOf(values)
  const head = await readTruthHead(path).catch((error: Error) => ({ problem: error.message }))
  if ('problem' in head) throw new StartError(`${path}: ${head.problem}`)

  try {
    await waitUntilStored(server, waitMs)
    const entries = await askServer<QuarantineEntry[]>(server, '/api/quarantine?limit=100000')
    const quarantined = quarantinedByDevice(entries, head.startedAtMs - slackMs)
    const stored = await fetchExport(server)
    tell(`${stored.rowCount} rows fetched`)
    try {
      const result = await verify({ path, stored: { ...stored, quarantined }, alertWithinMs, slackMs })
      if (values.report !== undefined) await writeFile(values.report, toHtml(result))
      process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : printableLines(toText(result)))
      return isRight(result) ? 0 : 1
    } finally {
      await stored.close()
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    process.stderr.write(`dewpoint: ${error.message}\n`)
    return 1
  }
}

const tell = (text: string) => process.stderr.write(`${text}\n`)

/** @throws CommandError when it takes longer. */
async function waitUntilStored(server: string, waitMs: number): Promise<void> {
  const untilMs = Date.now() + waitMs
  for (let isTold = false; ; await sleep(pollMs)) {
    const { held, waiting } = await askServer<Balance>(server, '/api/counters')
    if (held === 0 && waiting === 0) return
    if (Date.now() >= untilMs)
      throw new CommandError(`${server} still holds ${held} readings, and ${waiting} wait; --wait gives it more time`)
    if (!isTold) tell(`waits until ${held} readings that ${server} holds, and ${waiting} that wait, are stored`)
    isTold = true
  }
}
