/** `dewpoint explain`: what would become of a message, and why, as the real ingest decides it. Nothing is sent. */
import { createPreview, type Preview } from '../ingest/preview.ts'
import { refusalCodes, StartError } from '../telemetry/errors.ts'
import { printable } from '../telemetry/printable.ts'
import type { Route } from '../telemetry/route.ts'
import { topicPattern } from '../telemetry/topic.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { type ExplainedReading, explainReadings } from './explained-readings.ts'
import { parseOptions } from './options.ts'
import { payloadText, readPayload, readPayloadFile } from './payload.ts'
import { type RoutesFile, readRoutes } from './routes-file.ts'

const help = `Usage: dewpoint explain TOPIC PAYLOAD [options]

Tells what would become of a message that arrives now: the route that takes it, the readings with their times, the
points; or the reason why it would be quarantined, and the routes that came nearest; or that it says the state of a
device. No server is needed.

  --hex           PAYLOAD is hexadecimal: 01ff, 01:ff or 0x01ff
  --base64        PAYLOAD is base64, as the quarantine shows it
  --file FILE     the payload is a file, - is standard input; instead of PAYLOAD
  --config FILE   configuration (default: telemetry.yaml where there is one)
  --json          the result as JSON
  --help          this text

A payload that begins with - stands behind --: dewpoint explain a/b -- -1.5
Exit code: 0 when the message would be taken, 1 when it would be quarantined, 2 for bad options or a bad configuration.
`

const nearestShown = 5
const statusVerdict =
  'taken as the state of a device when it comes over MQTT, by broker.status; no reading, and no route is asked'

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      hex: { type: 'boolean', default: false },
      base64: { type: 'boolean', default: false },
      file: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [topic, text, ...others] = positionals
  if (topic === undefined) throw new StartError('no topic given; --help lists the options')
  if (others.length > 0) throw new StartError(`${positionals.length} words given, a topic and a payload wanted`)
  const refusal = topicRefusal(topic)
  if (refusal !== null) throw new StartError(`topic: ${JSON.stringify(topic)} given, but ${refusalCodes[refusal]}`)
  const forms = [text, values.file].filter((it) => it !== undefined)
  if (
    forms.length !== 1 ||
    (values.hex && values.base64) ||
    (values.file !== undefined && (values.hex || values.base64))
  ) {
    throw new StartError('one payload wanted: a word (as text, --hex or --base64), or --file FILE')
  }
  const form = values.hex ? 'hex' : values.base64 ? 'base64' : 'text'
  const payload = values.file === undefined ? readPayload(text as string, form) : await readPayloadFile(values.file)
  const file = readRoutes(values.config)
  const receivedAtMs = Date.now()
  const preview = createPreview(file.config.routes)({ topic, payload, receivedAtUs: receivedAtMs * 1000 })
  const explanation = explain(topic, receivedAtMs, preview, file)
  const output = values.json ? `${JSON.stringify(explanation)}\n` : describe(payload, preview, explanation, file)
  process.stdout.write(output)
  return explanation.problem === null ? 0 : 1
}

type Explanation = ReturnType<typeof explain>

function explain(topic: string, receivedAtMs: number, preview: Preview, { config, fileName, lineOf }: RoutesFile) {
  const { routes } = config
  const indexOf = (pattern: string) => routes.findIndex((route) => route.topic === pattern)
  const index = preview.route === null ? -1 : indexOf(preview.route.topic)
  const route = routes[index]
  const { points, notes } = preview
  const isStatus = topicPattern(config.broker.status).match(topic) !== null
  return {
    topic,
    route: preview.route && { index, ...preview.route, file: fileName, line: lineOf(index) },
    tags: route === undefined ? {} : tagsOf(route, topic),
    readings: explainReadings(points, receivedAtMs),
    points,
    isStatus,
    problem: isStatus ? null : preview.problem,
    notes,
    nearest: (isStatus ? [] : preview.nearest).map((miss) => ({ index: indexOf(miss.topic), ...miss })),
  }
}

function tagsOf(route: Route, topic: string): { [name: string]: string } {
  const { names, match } = topicPattern(route.topic)
  const values = match(topic) ?? []
  return { ...Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])), ...route.tags }
}

function describe(payload: Buffer, preview: Preview, it: Explanation, file: RoutesFile): string {
  const { route, problem } = it
  const tags = Object.entries(it.tags).map(([name, value]) => `${name}=${value}`)
  const rest = preview.points.length === 0 ? '' : 'the points are stored, and for the rest it is '
  const lines = [
    ['topic', it.topic],
    ['payload', `${payload.length} ${payload.length === 1 ? 'byte' : 'bytes'}: ${payloadText(payload)}`],
    ['route', route === null ? 'none' : file.describe(route.index)],
    ...(route === null ? [] : [['codec', route.codec]]),
    ...(tags.length === 0 ? [] : [['tags', tags.join(' ')]]),
    ...section('readings', columns(it.readings)),
    ...section('notes', it.notes),
    ...section('points', preview.points),
    ...(problem === null ? [] : [['verdict', `${rest}quarantined, ${problem.code}: ${problem.detail}`]]),
    ...section(
      'nearest',
      it.nearest.slice(0, nearestShown).map((miss) => `routes[${miss.index}] ${miss.topic}: ${miss.why}`),
    ),
    ...(it.isStatus ? [['verdict', statusVerdict]] : []),
    ...(problem === null && preview.points.length === 0 && !it.isStatus
      ? [['verdict', 'taken, without a reading']]
      : []),
  ]
  return lines.map(([name = '', text = '']) => `${name.padEnd(10)}${printable(text)}\n`).join('')
}

function columns(readings: ExplainedReading[]): string[] {
  const rows = readings.map(({ channel, value, time, timeFrom, timeUncertaintyMs }) => {
    const within = timeUncertaintyMs === null ? '' : `, within ${timeUncertaintyMs} ms`
    return [channel, value, `${time} (${timeFrom}${within})`]
  })
  const widths = [0, 1, 2].map((column) => rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0))
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** The name stands at the first line only. */
const section = (name: string, lines: string[]) => lines.map((line, i) => [i === 0 ? name : '', line])
