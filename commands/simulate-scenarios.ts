/** `dewpoint simulate list`, `show` and `routes`: the scenarios that there are, how one is written, and what it wants of a server. */
import { loadScenario, readScenario, scenarioNames } from '../devices-sim/scenario/load.ts'
import { ratesOf } from '../devices-sim/scenario/scenario.ts'
import { StartError } from '../telemetry/errors.ts'
import { parseOptions } from './options.ts'
import { scenarioRoutes } from './scenario-fleet.ts'

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

const routesHelp = `Usage: dewpoint simulate routes SCENARIO

Prints the routes that a server needs for the devices of a scenario, for its telemetry.yaml:

  dewpoint simulate routes rain-network > rain.yaml && dewpoint start --config rain.yaml --no-demo

SCENARIO is a name of simulate list, or a file.
Exit code: 0 done, 2 when there is none.
`

/** @throws StartError */
export async function runShow(argv: string[]): Promise<number> {
  return print(argv, showHelp, (name) => readScenario(name).text)
}

/** @throws StartError */
export async function runRoutes(argv: string[]): Promise<number> {
  return print(argv, routesHelp, (name) => scenarioRoutes(loadScenario(name)))
}

function print(argv: string[], helpText: string, textOf: (name: string) => string): number {
  const { values, positionals } = parseOptions({ args: argv, allowPositionals: true, options: { help } })
  const [name] = positionals
  if (!values.help && (name === undefined || positionals.length > 1))
    throw new StartError(`${positionals.length} scenarios given, one wanted; dewpoint simulate list names them`)
  process.stdout.write(values.help ? helpText : textOf(name as string))
  return 0
}
