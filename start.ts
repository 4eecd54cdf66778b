/** The command: options, a summary, the demonstration fleet, and a clean end. Exit 2: something to mend before a start. */
import { parseArgs } from 'node:util'
import pino from 'pino'
import { type Config, readConfigFile } from './config/load.ts'
import { createFleet } from './devices-sim/fleet.ts'
import { startOutages } from './devices-sim/outages.ts'
import { createRandom } from './devices-sim/random.ts'
import { type Dewpoint, startDewpoint } from './dewpoint.ts'
import { StartError } from './telemetry/errors.ts'
import { readingTopic } from './telemetry/schema.ts'

const help = `Usage: npm start -- [options]

  --config FILE   configuration (default: telemetry.yaml where there is one)
  --data DIR      data folder, instead of the one in the configuration
  --no-demo       without the demonstration fleet of 25 simulated devices
  --help          this text

Log lines (JSON) go to standard error; LOG_LEVEL=debug|info|warn|error chooses how many.`

const demoDevices = 25
const demoIntervalMs = 2_000
const demoSeed = 7
/** What is not stored by then is in the journal, and the next start brings it to the store. */
const closeMsMax = 15_000

type Options = { config: Config; isDemo: boolean }

function readOptions(): Options | null {
  let values: { config?: string; data?: string; demo?: boolean; 'no-demo'?: boolean; help?: boolean }
  try {
    values = parseArgs({
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        'no-demo': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('. ')[0]}; --help lists the options`)
  }
  if (values.help) return null
  const config = readConfigFile(values.config)
  return { config: { ...config, data: values.data ?? config.data }, isDemo: !values['no-demo'] }
}

const urlHost = (host: string) => {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return reachable.includes(':') ? `[${reachable}]` : reachable
}

/** A topic that the first route takes. */
function exampleTopic({ routes }: Config): string {
  const topic = routes[0]?.topic ?? readingTopic('rainfall')
  return topic
    .replace('{site}', 'home')
    .replace('{device}', 'gauge-1')
    .replace(/\{[^}]*\}|\+/g, 'x')
}

function summary(dewpoint: Dewpoint, config: Config, isDemo: boolean): string {
  const { host, port } = dewpoint.broker[0] as { host: string; port: number }
  const account = config.broker.credentials === null ? '' : ` -u ${config.broker.credentials.username} -P PASSWORD`
  const brokers = dewpoint.broker.map((it) => `mqtt://${urlHost(it.host)}:${it.port}`).join('  ')
  return `
Dewpoint is up.
  page     http://${urlHost(dewpoint.http.host)}:${dewpoint.http.port}
  broker   ${brokers}
  store    ${dewpoint.store}
  data     ${dewpoint.data}
  demo     ${isDemo ? `${demoDevices} simulated devices (--no-demo leaves them out)` : 'none'}

Publish a reading:
  mosquitto_pub -h ${urlHost(host)} -p ${port}${account} -q 1 -t ${exampleTopic(config)} -m 0.2
Stop with Ctrl-C.`
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options === null) {
    console.log(help)
    return
  }
  const log = pino(
    {
      level: process.env.LOG_LEVEL ?? 'info',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ fd: 2, sync: true }),
  )
  const { config, isDemo } = options
  // Before it is up there is nothing to drain: the line that told the failure is in the log.
  let stop: (why: string, exitCode: number) => void = (_why, exitCode) => process.exit(exitCode)
  const dewpoint = await startDewpoint(config, log, () => stop('a part failed', 1))
  let fleet: ReturnType<typeof createFleet> | null = null
  let stopOutages = () => {}
  if (isDemo) {
    const { host, port } = dewpoint.broker[0] as { host: string; port: number }
    const account = config.broker.credentials
    const user =
      account === null ? '' : `${encodeURIComponent(account.username)}:${encodeURIComponent(account.password)}@`
    const url = `mqtt://${user}${urlHost(host)}:${port}`
    fleet = createFleet({ url, devices: demoDevices, seed: demoSeed, intervalMs: demoIntervalMs })
    stopOutages = startOutages(fleet, createRandom(demoSeed))
  }
  console.log(summary(dewpoint, config, isDemo))

  let stopping = false
  stop = async (why, exitCode) => {
    if (stopping) return
    stopping = true
    log.info({ why }, 'stopping')
    const late = setTimeout(() => {
      log.warn('not everything could be drained in time; the journal keeps it for the next start')
      process.exit(exitCode)
    }, closeMsMax)
    stopOutages()
    await fleet?.close()
    await dewpoint.close()
    clearTimeout(late)
    const { accepted, stored, quarantined, duplicate, damaged, held } = dewpoint.balance()
    const lost = damaged > 0 ? ` + ${damaged} damaged` : ''
    console.log(
      `Stopped: ${accepted} accepted = ${stored} stored + ${quarantined} quarantined + ${duplicate} duplicate${lost} + ${held} held`,
    )
    process.exit(exitCode)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stopping ? process.exit(130) : stop(signal, 0)))
  }
}

main().catch((error: unknown) => {
  const isSystem = error instanceof Error && 'syscall' in error
  if (!(error instanceof StartError) && !isSystem) throw error
  const problems = error instanceof StartError ? error.problems : [`cannot start: ${error.message}`]
  for (const problem of problems) console.error(`dewpoint: ${problem}`)
  process.exit(2)
})
