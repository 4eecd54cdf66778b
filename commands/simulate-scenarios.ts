/** `dewpoint simulate list` and `dewpoint simulate show`: the scenarios that there are, and how one is written. */
import { loadScenario, readScenario, scenarioNames } from '../devices-sim/scenario/load.ts'
import { ratesOf } from '../devices-sim/scenario/scenario.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseOptions } from './options.ts'

const listHelp = `Usage: dewpoint simulate list [options]

Names the scenarios that come with Dewpoint, with a line about each.

  --json   the same as JSON, with devices and reports in a minute
  --help   this text

Exit code: 0 done, 2 for bad options.
`

const showHelp = `Usage: dewpoint simulate show SCENARIO

Prints the YAML of a scenario, to read it or to begin one of your own with it:

  dewpoint simulate show rain-network > mine.yaml

SCENARIO is a name of simulate list, or a file.
Exit code: 0 done, 2 when there is none.
`

const help = { type: 'boolean', default: false } as const

export async function runList(argv: string[]): Promise<number> {
  const { values } = parseOptions({ args: argv, options: { json: { type: 'boolean', default: false }, help } })
  if (values.help) {
    process.stdout.write(listHelp)
    return 0
  }
  const scenarios = scenarioNames().map((name) => loadScenario(name))
  if (values.json) {
    const list = scenarios.map((it) => ({ name: it.name, description: it.description, ...ratesOf(it) }))
    process.stdout.write(`${JSON.stringify(list)}\n`)
    return 0
  }
  const width = Math.max(...scenarios.map(({ name }) => name.length)) + 2
  process.stdout.write(scenarios.map(({ name, description }) => `${name.padEnd(width)}${description}\n`).join(''))
  return 0
}

/** @throws StartError */
export async function runShow(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({ args: argv, allowPositionals: true, options: { help } })
  if (values.help) {
    process.stdout.write(showHelp)
    return 0
  }
  const [name] = positionals
  if (name === undefined || positionals.length > 1) {
    throw new StartError(`${positionals.length} scenarios given, one wanted; dewpoint simulate list names them`)
  }
  process.stdout.write(readScenario(name).text)
  return 0
}
