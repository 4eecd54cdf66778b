/** `dewpoint simulate proxy`: a bad link before any broker, for real devices as well as simulated ones. */
import { perfectLink } from '../devices-sim/link/link.ts'
import { startProxy } from '../devices-sim/link/proxy.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseDuration, parseOptions, parseSeed, parseWhole } from './options.ts'
import { untilInterrupted } from './until-interrupted.ts'

const help = `Usage: dewpoint simulate proxy [options]

Stands between devices and a broker, and makes the link between them bad. Each connection has a link of its own.

  --listen HOST:PORT   where devices connect                            (127.0.0.1:1884)
  --target HOST:PORT   the broker                                       (127.0.0.1:1883)
  --latency TIME       one way                                          (0)
  --jitter TIME        standard deviation of it                         (0)
  --bits-per-s N       each way; 0: no limit                            (0)
  --loss P             part of the packets lost, in bursts of about three, 0 to 0.5; TCP makes waits of them  (0)
  --outage-every TIME  mean time between outages of a connection        (none)
  --outage-lasts TIME  mean length of them                              (30s)
  --half-open P        part of the outages of which nobody is told      (0)
  --nat-timeout TIME   silent for so long, a connection is forgotten    (never)
  --duration TIME      ends by itself                                   (until Ctrl-C)
  --seed N             repeats a run                                    (random, printed)
  --help               this text

Exit code: 0 when it has ended, 2 for bad options.
`

const badToGood = 1 / 3
const forEverMs = 2 ** 31 - 1
const progressMs = 5_000

export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      listen: { type: 'string', default: '127.0.0.1:1884' },
      target: { type: 'string', default: '127.0.0.1:1883' },
      latency: { type: 'string' },
      jitter: { type: 'string' },
      'bits-per-s': { type: 'string', default: '0' },
      loss: { type: 'string', default: '0' },
      'outage-every': { type: 'string' },
      'outage-lasts': { type: 'string', default: '30s' },
      'half-open': { type: 'string', default: '0' },
      'nat-timeout': { type: 'string' },
      duration: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const ms = (option: 'latency' | 'jitter' | 'outage-every' | 'nat-timeout') => {
    const text = values[option]
    return text === undefined ? 0 : parseDuration(option, text)
  }
  const seed = parseSeed(values.seed)
  const lost = parsePart('loss', values.loss, 0.5)
  const listen = parseHostPort('listen', values.listen)
  const proxy = await startProxy({
    target: parseHostPort('target', values.target),
    listen,
    seed,
    profile: {
      ...perfectLink,
      latencyMs: ms('latency'),
      jitterMs: ms('jitter'),
      bitsPerS: parseWhole('bits-per-s', values['bits-per-s'], 0, 1e10),
      // Of Gilbert and Elliott: p / (p + r) is the part that is lost.
      goodToBad: (lost * badToGood) / (1 - lost),
      badToGood,
      lossInBad: 1,
      outageEveryS: ms('outage-every') / 1000,
      outageLastsS: parseDuration('outage-lasts', values['outage-lasts']) / 1000,
      halfOpen: parsePart('half-open', values['half-open'], 1),
      natTimeoutS: ms('nat-timeout') / 1000,
    },
  }).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(`--listen: "${values.listen}" given, an address that is free wanted (${error.code})`)
  })
  process.stderr.write(`seed ${seed}: ${values.listen} to ${values.target}\n`)
  const tell = () => {
    const { connections, opened, bytesUp, bytesDown, outages } = proxy.stats()
    process.stderr.write(
      `${connections} connections of ${opened}, ${bytesUp} bytes up, ${bytesDown} down, ${outages} outages\n`,
    )
  }
  const progress = setInterval(tell, progressMs)
  await untilInterrupted(values.duration === undefined ? forEverMs : parseDuration('duration', values.duration))
  clearInterval(progress)
  tell()
  await proxy.close()
  return 0
}

function parsePart(option: string, text: string, max: number): number {
  const part = Number(text)
  if (text.trim() !== '' && part >= 0 && part <= max) return part
  throw new StartError(`--${option}: "${text}" given, a number from 0 to ${max} wanted`)
}

function parseHostPort(option: string, text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (host !== undefined && Number(port) > 0 && Number(port) <= 65_535)
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  throw new StartError(`--${option}: "${text}" given, an address like 127.0.0.1:1883 wanted`)
}
