/** `dewpoint simulate run`: a scenario, against a server in real time, or in virtual time through the program's own ingest. */

import { createSocketTransport } from '../devices-sim/link/socket-transport.ts'
import { loadScenario } from '../devices-sim/scenario/load.ts'
import type { Scenario } from '../devices-sim/scenario/scenario.ts'
import { createRealClock } from '../devices-sim/sim-clock.ts'
import { noTruth, type TruthWriter } from '../devices-sim/truth/truth.ts'
import { openTruth } from '../devices-sim/truth/writer.ts'
import { durationMs as parseLongDuration } from '../telemetry/duration.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseDuration, parseOptions, parseSeed, parseUrl, parseWhole } from './options.ts'
import { createScenarioFleet, type ScenarioFleet } from './scenario-fleet.ts'
import { runInVirtualTime } from './simulate-virtual.ts'
import { untilInterrupted } from './until-interrupted.ts'

const help = `Usage: dewpoint simulate run SCENARIO [options]

Runs the devices of a scenario: a name of "dewpoint simulate list", or a YAML file of your own. The server needs its routes:
"dewpoint simulate routes SCENARIO" prints them.

  --url URL         the broker; mqtt://user:password@host too      (mqtt://127.0.0.1:1883)
  --duration TIME   instead of the scenario's: 60s, 5m, 12h, 30d
  --seed N          repeats a run: same devices, weather, faults   (the scenario's, or random; printed)
  --connections N   so many connections are shared by all devices  (one each)
  --truth FILE      what the run knows of itself, for "dewpoint simulate verify"

  --virtual DIR     in virtual time instead: through the program's own journal, ingest and store into a new data folder, and
                    verified at the end. "dewpoint start --data DIR" shows it afterwards
  --report FILE     with --virtual: the page of the verification, HTML in one file

  --json            the result as one line of JSON
  --help            this text

Ctrl-C ends early.
Exit code: 0 when every report was acknowledged (with --virtual: and the oracle is content), 1 when not, 2 for bad options.
`

const progressMs = 5_000
const acknowledgeMsMax = 60_000

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      duration: { type: 'string' },
      seed: { type: 'string' },
      connections: { type: 'string' },
      truth: { type: 'string' },
      virtual: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [name] = positionals
  if (name === undefined || positionals.length > 1)
    throw new StartError(`${positionals.length} scenarios given, one wanted; dewpoint simulate list names them`)
  const scenario = loadScenario(name)
  const seed = values.seed === undefined && scenario.seed !== null ? scenario.seed : parseSeed(values.seed)
  const durationMs = durationOf(scenario, values)
  if (values.virtual !== undefined) {
    for (const option of ['url', 'connections'] as const)
      if (values[option] !== undefined) throw new StartError(`--${option}: given with --virtual, which has no sockets`)
    const { virtual: folder, truth, report, json } = values
    return runInVirtualTime({ scenario, seed, durationMs, folder, truth, report, json })
  }
  if (values.report !== undefined)
    throw new StartError('--report: given without --virtual; "simulate verify" writes one')
  return runInRealTime(scenario, seed, durationMs, {
    url: parseUrl('url', values.url ?? 'mqtt://127.0.0.1:1883'),
    connections: values.connections === undefined ? null : parseWhole('connections', values.connections, 1, 15_000),
    truth: values.truth,
    json: values.json,
  })
}

/** In virtual time a run may be longer than a timer of Node's. @throws StartError */
function durationOf({ durationMs }: Scenario, { duration, virtual }: { duration?: string; virtual?: string }): number {
  if (duration === undefined) return virtual === undefined ? durationMs.real : durationMs.virtual
  if (virtual === undefined) return parseDuration('duration', duration)
  const ms = parseLongDuration(duration)
  if (ms !== null && ms > 0) return ms
  throw new StartError(`--duration: "${duration}" given, a duration like 12h, 30d or 365d wanted`)
}

type RealOptions = { url: string; connections: number | null; truth: string | undefined; json: boolean }

async function runInRealTime(
  scenario: Scenario,
  seed: number,
  durationMs: number,
  options: RealOptions,
): Promise<number> {
  const { url, connections } = options
  const clock = createRealClock()
  const startMs = clock.nowMs()
  const head = {
    format: 'dewpoint-truth/1',
    seed,
    scenario: scenario.name,
    clock: 'real',
    startedAtMs: startMs,
  } as const
  const truth = options.truth === undefined ? noTruth : openTruth(options.truth, head)
  const transport = createSocketTransport({ url, connections })
  const fleet = createScenarioFleet({ scenario, seed, startMs, clock, transport, truth, server: null })
  const operator = options.truth === undefined ? null : listenToAlerts(url, clock.nowMs, truth)
  process.stderr.write(`${scenario.name}, seed ${seed}: ${fleet.members.length} devices to ${url}\n`)
  fleet.start()
  const progress = setInterval(() => process.stderr.write(`${progressOf(fleet)}\n`), progressMs)
  await untilInterrupted(durationMs)
  clearInterval(progress)
  const isDrained = await fleet.drain(acknowledgeMsMax)
  const stats = fleet.stats()
  const bills = fleet.bills(clock.nowMs())
  await fleet.close()
  await operator?.close()
  truth.write({ type: 'end', atMs: clock.nowMs() })
  await truth.close()
  await transport.close()

  const { problem, ...counts } = stats
  const result = { scenario: scenario.name, seed, durationMs: clock.nowMs() - startMs, ...counts, bills }
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${describeRun(result)}\n`)
  if (stats.sent === 0) process.stderr.write(`no device connected to ${url}: ${problem ?? 'no answer'}\n`)
  else if (!isDrained)
    process.stderr.write(`${stats.waiting} reports were not acknowledged within ${acknowledgeMsMax / 1000} s\n`)
  return isDrained && stats.sent > 0 ? 0 : 1
}

function progressOf(fleet: ScenarioFleet): string {
  const { connected, devices, sent, acknowledged, waiting } = fleet.stats()
  return `${connected} of ${devices} devices connected, ${sent} reports sent, ${acknowledged} acknowledged, ${waiting} wait`
}

/** As an operator's own program would: a connection that hears every alert. */
function listenToAlerts(url: string, nowMs: () => number, truth: TruthWriter): { close(): Promise<void> } {
  const transport = createSocketTransport({ url, connections: null })
  const events = {
    connected: () => connection.subscribe('alerts/#', 1),
    acknowledged() {},
    ponged() {},
    message: (topic: string, payload: Buffer) =>
      truth.write({ type: 'alert', atMs: nowMs(), topic, payload: payload.toString() }),
    closed: (_why: string, detail: string) => process.stderr.write(`alerts are not heard: ${detail}\n`),
  }
  const connection = transport.open({ clientId: `sim-operator-${process.pid}`, keepAliveS: 0, clean: true }, events)
  return {
    async close() {
      connection.drop()
      await transport.close()
    },
  }
}

export type RunResult = {
  scenario: string
  seed: number
  devices: number
  sent: number
  acknowledged: number
  dropped: number
  bills: ReturnType<ScenarioFleet['bills']>
}

export function describeRun({ scenario, seed, devices, sent, acknowledged, dropped, bills }: RunResult): string {
  const lines = [
    `${scenario}, seed ${seed}: ${devices} devices, ${sent} reports sent, ${acknowledged} acknowledged, ${dropped} lost by devices`,
    ...bills.map(({ profile, ...bill }) => {
      const bytes = Math.round(bill.bytesPerDay)
      if (bill.daysOfLife === null) return `  ${profile}: ${bytes} bytes a day for a device, on mains`
      const joules = (bill.milliJoulesPerDay / 1000).toPrecision(3)
      return `  ${profile}: ${bytes} bytes and ${joules} J a day for a device, ${Math.round(bill.daysOfLife)} days of life`
    }),
  ]
  return lines.join('\n')
}
