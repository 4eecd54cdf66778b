/** `dewpoint start`: options, a summary, the demonstration fleet, new routes while it runs, and a clean end. */
import { existsSync } from 'node:fs'
import { isatty } from 'node:tty'
import { type Config, configFileName, readConfigFile } from '../config/load.ts'
import { startDemoFleet } from '../devices-sim/demo.ts'
import { startOutages } from '../devices-sim/outages.ts'
import { createRandom } from '../devices-sim/random.ts'
import { createProgramLog, type Dewpoint, startDewpoint } from '../dewpoint.ts'
import { StartError } from '../telemetry/errors.ts'
import { deviceTag, siteTag } from '../telemetry/schema.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { parseOptions } from './options.ts'
import { createReload } from './reload.ts'
import { watchFile } from './watch-file.ts'

const help = `Usage: dewpoint start [options]

Runs broker, journal, store and page until it is stopped by Ctrl-C or SIGTERM.

  --config FILE   configuration (default: telemetry.yaml where there is one)
  --data DIR      data folder, instead of the one in the configuration
  --no-demo       without the demonstration fleet of 25 simulated devices
  --help          this text

SIGHUP, or a change of the configuration file, brings new routes into use; everything else in it needs a restart.
The same for the certificate of broker.tls: SIGHUP, or a change of its files, while connections stand.
Log lines (JSON) go to standard error; LOG_LEVEL=debug|info|warn|error chooses how many.
Exit code: 0 when it was stopped, 1 when a part failed, 2 for something to mend before a start.
`

const demoDevices = 25
const demoIntervalMs = 2_000
const demoSeed = 7
/** What is not stored by then is in the journal, and the next start brings it to the store. */
const closeMsMax = 15_000

/** Devices of the demonstration have no credentials of their own. */
const takesDemo = ({ broker }: Config) => broker.access === null || broker.anonymous || broker.credentials !== null

const urlHost = (host: string) => {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return reachable.includes(':') ? `[${reachable}]` : reachable
}

const exampleLevels: { [name: string]: string } = { [siteTag]: 'home', [deviceTag]: 'gauge-1' }

/** A topic of the first route that takes a plain number; null when none does. */
function exampleTopic({ routes }: Config): string | null {
  const route = routes.find(({ payload, compression }) => payload.codec === 'value' && compression === 'none')
  if (route === undefined) return null
  const levels = topicPattern(route.topic).levels.map(
    ({ texts, name }) => texts?.[0] ?? exampleLevels[name ?? ''] ?? 'x',
  )
  return levels.join('/')
}

/** Where the demonstration, and the example, connect. */
const plainListener = (dewpoint: Dewpoint) => dewpoint.broker.find(({ scheme }) => scheme === 'mqtt')

function summary(dewpoint: Dewpoint, config: Config, isDemo: boolean): string {
  const plain = plainListener(dewpoint)
  const { access, credentials } = config.broker
  const user =
    credentials?.username ??
    (access === null || config.broker.anonymous ? null : `${exampleLevels[siteTag]}/${exampleLevels[deviceTag]}`)
  const account = user === null ? '' : ` -u ${user} -P PASSWORD`
  const topic = exampleTopic(config)
  const example =
    plain === undefined || topic === null
      ? ''
      : `
Publish a reading:
  mosquitto_pub -h ${urlHost(plain.host)} -p ${plain.port}${account} -q 1 -t ${topic} -m 0.2`
  const brokers = dewpoint.broker
    .map(({ scheme, host, port, path }) => `${scheme}://${urlHost(host)}:${port}${scheme.startsWith('ws') ? path : ''}`)
    .join('  ')
  return `
Dewpoint is up.
  page     http://${urlHost(dewpoint.http.host)}:${dewpoint.http.port}
  broker   ${brokers}
  store    ${dewpoint.store}
  data     ${dewpoint.data}
  demo     ${isDemo ? `${demoDevices} simulated devices (--no-demo leaves them out)` : 'none'}
${example}
Stop with Ctrl-C.
`
}

/** Resolves once everything is drained. */
export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      config: { type: 'string' },
      data: { type: 'string' },
      'no-demo': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  // A file that vanishes later is a slip, not a wish for the defaults.
  const path = values.config ?? (existsSync(configFileName) ? configFileName : undefined)
  const read = () => {
    const config = readConfigFile(path)
    return { ...config, data: values.data ?? config.data }
  }
  const config = read()
  const log = createProgramLog(process.env.LOG_LEVEL ?? 'info')
  // Before it is up there is nothing to drain: the line that told the failure is in the log.
  let stop: (why: string, exitCode: number) => void = (_why, exitCode) => process.exit(exitCode)
  const dewpoint = await startDewpoint(config, log, () => stop('a part failed', 1)).catch((error: Error) => {
    throw 'syscall' in error ? new StartError(`cannot start: ${error.message}`) : error
  })
  const isDemo = !values['no-demo'] && takesDemo(config)
  const stopDemo = !isDemo ? () => {} : startDemo(dewpoint, config)
  process.stdout.write(summary(dewpoint, config, isDemo))

  let isStopping = false
  const stopped = new Promise<{ why: string; exitCode: number }>((resolve) => {
    stop = (why, exitCode) => {
      isStopping = true
      resolve({ why, exitCode })
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (isStopping ? process.exit(130) : stop(signal, 0)))
  }
  const reload = createReload({ config, read, setRoutes: dewpoint.setRoutes, reloads: dewpoint.reloads, log })
  const hasTerminal = process.stdout.isTTY
  const isTerminalGone = () => hasTerminal && !isatty(1)
  process.on('SIGHUP', () => {
    // A terminal sends it too, when its window is closed.
    if (isTerminalGone()) stop('SIGHUP', 0)
    else {
      void Promise.all([reload('SIGHUP'), dewpoint.reloadDevices()])
      dewpoint.reloadCertificate('SIGHUP')
    }
  })
  const { tls } = config.broker
  const pemFiles = tls === null ? [] : [tls.cert, tls.key, tls.ca].filter((it) => it !== null)
  const watches = [
    watchFile(path ?? configFileName, () => void reload('the file changed'), log),
    ...pemFiles.map((file) => watchFile(file, () => dewpoint.reloadCertificate(`${file} changed`), log)),
  ]

  const { why, exitCode } = await stopped
  log.info({ why }, 'stopping')
  const late = setTimeout(() => {
    log.warn('not everything could be drained in time; the journal keeps it for the next start')
    process.exit(exitCode)
  }, closeMsMax)
  for (const watch of watches) watch.close()
  await stopDemo()
  await dewpoint.close()
  clearTimeout(late)
  const { accepted, stored, quarantined, duplicate, damaged, held } = dewpoint.balance()
  const lost = damaged > 0 ? ` + ${damaged} damaged` : ''
  process.stdout.write(
    `Stopped: ${accepted} accepted = ${stored} stored + ${quarantined} quarantined + ${duplicate} duplicate${lost} + ${held} held\n`,
  )
  if (isTerminalGone()) {
    // The signal's own end: process.exit() of Node 20 aborts without its terminal.
    process.removeAllListeners('SIGHUP').kill(process.pid, 'SIGHUP')
  }
  return exitCode
}

/** Answers how it ends. */
function startDemo(dewpoint: Dewpoint, config: Config): () => Promise<void> {
  const plain = plainListener(dewpoint)
  if (plain === undefined) return async () => {}
  const { host, port } = plain
  const account = config.broker.credentials
  const user =
    account === null ? '' : `${encodeURIComponent(account.username)}:${encodeURIComponent(account.password)}@`
  const url = `mqtt://${user}${urlHost(host)}:${port}`
  const fleet = startDemoFleet({ url, devices: demoDevices, seed: demoSeed, intervalMs: demoIntervalMs })
  const stopOutages = startOutages(fleet, createRandom(demoSeed))
  return async () => {
    stopOutages()
    await fleet.close()
  }
}
