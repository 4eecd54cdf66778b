/**
 * Liveness over a simulated fleet in virtual time, held against what was true of it. Exit code 1: a device was called lost that was not, one that was
 * lost was not found in time, an alert was false, an outage was told of by none, or there were more than 1.1 alerts for an outage.
 *
 *     node dist/bench/liveness-sim.js [--devices 10000] [--days 30] [--seed 1] [--busy 1] [--mixed] [--write]
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type SimResult, simulateLiveness } from '../test/sim/liveness/run.ts'
import { incidentKinds } from '../test/sim/liveness/truth.ts'
import { readMachine } from './machine.ts'
import { wholeNumber } from './options.ts'
import { machineLines, tableLines } from './report.ts'
import { writePart } from './results-file.ts'

const ratioMax = 1.1
/** A contract is three intervals; a fifth of that is 0.6 of one. */
const overMax = 0.6

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '10000' },
    days: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    busy: { type: 'string', default: '1' },
    mixed: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const devices = wholeNumber('--devices', values.devices, 50)
const days = wholeNumber('--days', values.days, 4)
const seed = wholeNumber('--seed', values.seed, 0)
const busy = wholeNumber('--busy', values.busy, 1)
const isMixed = values.mixed

const kinds: { [kind in (typeof incidentKinds)[number]]: string } = {
  death: 'a device dies, for 12 h to 4 days',
  gateway: 'a gateway is away, 5 min to 6 h',
  radio: 'nothing comes through a gateway that stays connected, for 0.5 to 8 intervals',
  site: 'a site is cut off, 10 min to 24 h',
  drop: 'a held connection breaks for 3 s to 2 min',
  unheard: 'a device lives, and the network lost three reports in a row',
}

const number = (value: number) => value.toLocaleString('en')
const quantile = (sorted: number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
const threeOf = (sorted: number[], digits: number): string =>
  [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0].map((it) => it.toFixed(digits)).join(' / ')

function lines(result: SimResult): string[] {
  const { incidents, falseLost, falseAlerts, notFound, overContract, toldAfterS } = result
  return [
    ...tableLines(
      ['incident', 'number', 'noticeable', 'alerts', 'missed'],
      incidentKinds.map((kind) => {
        const { all, knowable, alerts, missed } = incidents[kind]
        return [kinds[kind], ...[all, knowable, alerts, missed].map(number)]
      }),
    ),
    '',
    ...tableLines(
      ['', 'figure'],
      [
        ['devices, days, seed', `${number(devices)}, ${days}, ${seed}`],
        ['reports, records', `${number(result.reports)}, ${number(result.records)}`],
        ['our own outages, jumps of our clock', `${result.serverOutages}, ${result.clockJumps}`],
        [
          'alerts / noticeable incidents',
          `${number(result.alerts)} / ${number(result.knowable)} = ${result.ratio.toFixed(3)}`,
        ],
        ['incidents of which nobody was told', number(result.missed)],
        ['alerts without a cause', number(falseAlerts.length)],
        ['called lost; that were not', `${number(result.calledLost)}; ${number(falseLost.length)}`],
        ['lost, and not called so', number(notFound.length)],
        ['called lost after three intervals and a share of one, p50 / p99 / max', threeOf(overContract, 3)],
        ['alert of a single lost device after that, s, p50 / p99 / max', threeOf(toldAfterS, 1)],
        ['took, s', result.tookS.toFixed(0)],
      ],
    ),
  ]
}

const result = await simulateLiveness({
  ...{ seed, devices, days, busy, isMixed },
  onDay: (day) => process.stderr.write(`day ${day} of ${days}\r`),
})
const text = lines(result).join('\n')
console.log(text)
for (const [name, list] of Object.entries({
  'false alert': result.falseAlerts,
  'false lost': result.falseLost,
  'not found': result.notFound,
}))
  for (const it of list.slice(0, 10)) console.error(`${name}: ${it}`)

if (values.write)
  writePart(
    join('bench', 'RESULTS.md'),
    `# Liveness against the truth${isMixed ? ': devices of all kinds at each site' : ''}

${machineLines(readMachine(), new Date()).join('\n')}

By \`node dist/bench/liveness-sim.js${isMixed ? ' --mixed' : ''}\`: the liveness stage over a simulated fleet in virtual time.
Nothing goes wrong in the first 36 hours, in which rhythms are learned. Silence is counted without our own downtime.

${text}
`,
  )

const isWhole =
  result.ratio <= ratioMax &&
  result.missed + result.falseAlerts.length + result.falseLost.length + result.notFound.length === 0 &&
  (result.overContract.at(-1) ?? 0) <= overMax
process.exitCode = isWhole ? 0 : 1
