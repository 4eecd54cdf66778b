/** `dewpoint simulate energy`: what a design costs in bytes and energy, how long its cell lasts, and what would change it. */
import { type Advice, advise, billOf, type Design, designOf, otherCells } from '../devices-sim/energy/advice.ts'
import type { Bill } from '../devices-sim/energy/bill.ts'
import { cells, deliveryProblem } from '../devices-sim/energy/cells.ts'
import { profileOf } from '../devices-sim/energy/design.ts'
import { causes } from '../devices-sim/energy/meter.ts'
import { asSent, typicalLoad } from '../devices-sim/energy/typical-load.ts'
import { cellNames, formats, type Profile, radioNames, type SensorName, sensorNames } from '../devices-sim/profile.ts'
import { loadScenario } from '../devices-sim/scenario/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseChoice, parseDuration, parseOptions, parseWhole } from './options.ts'

const help = `Usage: dewpoint simulate energy [options]
       dewpoint simulate energy SCENARIO [--celsius N] [--json]

Says what a device costs in bytes and energy a day, by cause, how long its cell lasts, and what one change each would bring.
Nothing is run: it takes formulas and figures of data sheets and measurements (docs/energy.md).

  --radio NAME         ${radioNames.slice(0, 3).join(', ')},
                       ${radioNames.slice(3).join(', ')}  (lte-m)
  --cell NAME          ${cellNames.join(', ')}  (li-socl2-aa)
  --sensors NAMES      what it measures, with commas               (voltage)
  --every TIME         between two samples: 1s, 60s, 1h            (60s)
  --batch N            samples in a report                         (1)
  --format NAME        codec of the payload                        (json)
  --qos 0|1                                                        (1)
  --connection KIND    held, or wake: connects for each report     (held)
  --keepalive TIME     of a connection that is held; 0: none       (60s)
  --tls VERSION        none, 1.2, 1.3, 1.2-psk                     (1.3)
  --resume             TLS sessions are resumed
  --topic N            characters of the topic                     (as the platform's default topics)
  --tail TIME          how long the network keeps the radio on     (10s on cellular)
  --spreading N        spreading factor of LoRa, 7 to 12           (7)
  --board N            µA of the board asleep, without the radio   (20)
  --solar              a small panel charges the cell
  --celsius N          temperature at which the cell must deliver  (20)
  --json               the result as one line of JSON
  --help               this text

Exit code: 0 when the cell can feed the radio, 1 when it cannot, 2 for bad options.
`

const connections = ['held', 'wake'] as const
const tlsVersions = ['none', '1.2', '1.3', '1.2-psk'] as const
const celsiusRange = { min: -40, max: 60 }

const numbers = (value: number, digits = 0) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

function lifeOf({ daysOfLife, limit }: Bill): string {
  if (daysOfLife === null) return 'no end: mains'
  const years = daysOfLife >= 730 ? ` (${numbers(daysOfLife / 365, 1)} years)` : ''
  const days = daysOfLife < 10 ? numbers(daysOfLife, 1) : numbers(daysOfLife)
  return limit === 'shelf' ? `${days} days${years}, then the shelf life of the cell is over` : `${days} days${years}`
}

const factor = (gain: number) => `×${numbers(gain, gain < 9.95 ? (gain < 1.995 ? 2 : 1) : 0)}`

function describeBill(bill: Bill): string {
  const share = (part: number, whole: number) => (whole === 0 ? '' : `${numbers((100 * part) / whole)} %`)
  const line = (cause: string, bytes: number, milliJoules: number) =>
    `  ${cause.padEnd(16)}${numbers(bytes).padStart(10)}${share(bytes, bill.bytesPerDay).padStart(7)}${numbers(milliJoules, 1).padStart(14)}${share(milliJoules, bill.milliJoulesPerDay).padStart(7)}`
  return [
    `  ${'a day'.padEnd(16)}${'bytes'.padStart(10)}${''.padStart(7)}${'mJ'.padStart(14)}`,
    ...causes.map((cause) =>
      line(cause === 'handshake' ? 'wake, handshake' : cause, bill.perDay[cause].bytes, bill.perDay[cause].milliJoules),
    ),
    line('all', bill.bytesPerDay, bill.milliJoulesPerDay),
  ].join('\n')
}

function describeAdvice(advice: Advice[], isMains: boolean): string {
  if (advice.length === 0) return 'No single change that we know brings 1 % more.\n'
  const width = Math.max(...advice.map(({ change }) => change.length)) + 2
  const lines = advice.map(({ change, price, bill, lifeGain, bytesGain }) => {
    const days = isMains || bill.daysOfLife === null ? '' : `${numbers(bill.daysOfLife)} days, `
    const head = isMains ? '' : `${factor(lifeGain).padStart(6)}  `
    return `  ${change.padEnd(width)}${head}${days}bytes ${bytesGain >= 1 ? `÷${numbers(bytesGain, 1)}` : `×${numbers(1 / bytesGain, 1)}`}; ${price}`
  })
  return `One change each would bring:\n${lines.join('\n')}\n`
}

function describe(design: Design, celsius: number): string {
  const { profile, radio } = design
  const bill = billOf(design)
  const sent = asSent(profile)
  const { payloadBytes, topicBytes, messages } = typicalLoad(sent)
  const topic = Math.min(topicBytes, design.topicBytes ?? topicBytes)
  const problem = deliveryProblem(cells[profile.cell], radio, celsius)
  const others = otherCells(design, celsius).map(({ cell, bill: other }) => `${cell}: ${lifeOf(other)}`)
  const cellText = cells[profile.cell]?.title ?? 'mains'
  const everyS = profile.sampleEveryS * sent.batch
  return `${profile.name}: ${profile.sensors.join(', ')} each ${profile.sampleEveryS} s, ${radio.title}, ${cellText}
${numbers(everyS)} s from report to report, ${messages === 1 ? 'a message' : `${messages} messages`} of ${numbers(payloadBytes)} bytes in format ${profile.format}, topic of ${topic}

${describeBill(bill)}

${problem === null ? `Life: ${lifeOf(bill)}` : `It cannot work: ${problem}`}
${others.length === 0 ? '' : `Other cells: ${others.join('; ')}\n`}
${problem === null ? describeAdvice(advise(design), cells[profile.cell] === null) : ''}`
}

/** For the profiles of a scenario, or one design. Answers the exit code. */
export function showEnergy(designs: Design[], { isJson, celsius }: { isJson: boolean; celsius: number }): number {
  const problems = designs.map(({ profile, radio }) => deliveryProblem(cells[profile.cell], radio, celsius))
  if (isJson) {
    const results = designs.map((design, i) => ({
      profile: design.profile.name,
      problem: problems[i],
      bill: billOf(design),
      advice: problems[i] === null ? advise(design) : [],
      otherCells: otherCells(design, celsius),
    }))
    process.stdout.write(`${JSON.stringify(results)}\n`)
  } else {
    process.stdout.write(designs.map((design) => describe(design, celsius)).join('\n'))
  }
  return problems.every((it) => it === null) ? 0 : 1
}

/** A duration, or a plain 0. */
const parseNone = (option: string, text: string): number => (text === '0' ? 0 : parseDuration(option, text) / 1000)

function parseCelsius(text: string): number {
  const celsius = Number(text)
  if (text.trim() !== '' && celsius >= celsiusRange.min && celsius <= celsiusRange.max) return celsius
  throw new StartError(`--celsius: "${text}" given, a number from ${celsiusRange.min} to ${celsiusRange.max} wanted`)
}

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      radio: { type: 'string', default: 'lte-m' },
      cell: { type: 'string', default: 'li-socl2-aa' },
      sensors: { type: 'string', default: 'voltage' },
      every: { type: 'string', default: '60s' },
      batch: { type: 'string', default: '1' },
      format: { type: 'string', default: 'json' },
      qos: { type: 'string', default: '1' },
      connection: { type: 'string', default: 'held' },
      keepalive: { type: 'string', default: '60s' },
      tls: { type: 'string', default: '1.3' },
      resume: { type: 'boolean', default: false },
      topic: { type: 'string' },
      tail: { type: 'string' },
      spreading: { type: 'string', default: '7' },
      board: { type: 'string', default: '20' },
      solar: { type: 'boolean', default: false },
      celsius: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [scenario] = positionals
  if (positionals.length > 1) throw new StartError(`${positionals.length} scenarios given, at most one wanted`)
  if (scenario !== undefined) {
    const designs = loadScenario(scenario).profiles.map(designOf)
    return showEnergy(designs, { isJson: values.json, celsius: parseCelsius(values.celsius) })
  }
  const sensors: SensorName[] = values.sensors.split(',').map((it) => parseChoice('sensors', it, sensorNames))
  const profile: Profile = profileOf({
    sensors,
    radio: parseChoice('radio', values.radio, radioNames),
    cell: parseChoice('cell', values.cell, cellNames),
    sampleEveryS: parseDuration('every', values.every) / 1000,
    batch: parseWhole('batch', values.batch, 1, 1000),
    format: parseChoice('format', values.format, formats),
    qos: parseChoice('qos', values.qos, ['0', '1']) === '1' ? 1 : 0,
    connection: parseChoice('connection', values.connection, connections),
    keepAliveS: parseNone('keepalive', values.keepalive),
    tls: parseChoice('tls', values.tls, tlsVersions),
    boardUa: parseWhole('board', values.board, 0, 1_000_000),
    solar: values.solar,
  })
  const plain = designOf(profile)
  const design: Design = {
    profile,
    radio: {
      ...plain.radio,
      spreadingFactor: parseWhole('spreading', values.spreading, 7, 12),
      ...(values.tail !== undefined && { tailS: parseNone('tail', values.tail) }),
    },
    isResumed: values.resume,
    topicBytes: values.topic === undefined ? null : parseWhole('topic', values.topic, 1, 1024),
  }
  return showEnergy([design], { isJson: values.json, celsius: parseCelsius(values.celsius) })
}
