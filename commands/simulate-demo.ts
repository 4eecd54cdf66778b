/** `dewpoint simulate` by itself: the fleet of the demonstration for a while, and what was sent. */
import { intervalMsMin, startDemoFleet } from '../devices-sim/demo.ts'
import type { FleetStats } from '../devices-sim/fleet.ts'
import { startOutages } from '../devices-sim/outages.ts'
import { createRandom } from '../devices-sim/random.ts'
import { parseDuration, parseLevel, parseOptions, parseSeed, parseUrl, parseWhole } from './options.ts'
import { untilInterrupted } from './until-interrupted.ts'

const help = `Usage: dewpoint simulate [options]

Runs simulated devices that publish rainfall, pulse and voltage over MQTT.

  --devices N          how many                                    (100)
  --url URL            the broker; mqtt://user:password@host too   (mqtt://127.0.0.1:1883)
  --seed N             repeats a run: same devices, same signals   (random, printed)
  --duration TIME      how long: 500ms, 60s, 5m, 1h                (60s)
  --interval TIME      each channel is published once per interval (5s)
  --site NAME          second level of the topics                  (demo)
  --outages            now and then a device breaks off for about 10 s
  --json               the result as one line of JSON
  --help               this text

Ctrl-C ends early.
Exit code: 0 when every reading was acknowledged, 1 when not, 2 for bad options.
`

const progressMs = 5000
const acknowledgeMsMax = 10_000

const describe = (stats: FleetStats) =>
  `${stats.connected} of ${stats.devices} devices connected, ${stats.sent} sent, ${stats.acknowledged} acknowledged`

export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      devices: { type: 'string', default: '100' },
      url: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
      seed: { type: 'string' },
      duration: { type: 'string', default: '60s' },
      interval: { type: 'string', default: '5s' },
      site: { type: 'string', default: 'demo' },
      outages: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const seed = parseSeed(values.seed)
  const durationMs = parseDuration('duration', values.duration)
  const startMs = Date.now()
  const fleet = startDemoFleet({
    url: parseUrl('url', values.url),
    devices: parseWhole('devices', values.devices, 1, 15_000),
    seed,
    intervalMs: parseDuration('interval', values.interval, intervalMsMin),
    site: parseLevel('site', values.site),
  })
  process.stderr.write(`seed ${seed}, ${values.devices} devices to ${values.url} for ${values.duration}\n`)
  const progress = setInterval(() => process.stderr.write(`${describe(fleet.stats())}\n`), progressMs)
  const stopOutages = values.outages ? startOutages(fleet, createRandom(seed)) : () => {}

  await untilInterrupted(durationMs)
  clearInterval(progress)
  stopOutages()
  const isDrained = await fleet.drain(acknowledgeMsMax)
  const stats = fleet.stats()
  await fleet.close()

  const { devices, sent, acknowledged, dropped, problem } = stats
  if (values.json) {
    const result = { seed, devices, sent, acknowledged, durationMs: Date.now() - startMs }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } else {
    process.stdout.write(`seed ${seed}: ${devices} devices, ${sent} sent, ${acknowledged} acknowledged\n`)
  }
  if (dropped > 0) process.stderr.write(`${dropped} readings were lost: too many waited for an acknowledgement\n`)
  if (sent === 0) process.stderr.write(`no device connected to ${values.url}: ${problem ?? 'no answer'}\n`)
  else if (!isDrained) process.stderr.write(`${sent - acknowledged} readings were not acknowledged\n`)
  return isDrained && sent > 0 ? 0 : 1
}
