/** `dewpoint check-config`: every problem of the file, then the examples of each route, run as the tests they are. */
import { configFileName } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { checkExamples, type FailedExample } from './examples.ts'
import { parseOptions } from './options.ts'
import { type RoutesFile, readRoutes } from './routes-file.ts'

const help = `Usage: dewpoint check-config [options]

Reads the configuration as a start does, tells every problem with its line, and runs the examples of each route,
one after the other for each route, as if they arrived now.

  --config FILE   configuration (default: telemetry.yaml where there is one)
  --json          the result as JSON
  --help          this text

A failed example shows what was expected with -, and what came instead with +.
Exit code: 0 when everything holds, 2 when not.
`

type RouteResult = {
  topic: string
  measurement: string
  codec: string
  /** Null: a default route. */
  line: number | null
  examples: number
  failed: FailedExample[]
}

export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  let file: RoutesFile
  try {
    file = readRoutes(values.config)
  } catch (error) {
    if (!(error instanceof StartError) || !values.json) throw error
    const result = { file: values.config ?? configFileName, ok: false, problems: error.problems, routes: [] }
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return 2
  }
  const results = checkRoutes(file)
  const isGood = results.every(({ failed }) => failed.length === 0)
  const result = { file: file.fileName, ok: isGood, problems: [], routes: results }
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : report(results, file))
  return isGood ? 0 : 2
}

export function checkRoutes({ config: { routes }, lineOf }: RoutesFile): RouteResult[] {
  return routes.map((route, i) => {
    const { topic, measurement, payload, examples } = route
    const failed = checkExamples(routes, route)
    return { topic, measurement, codec: payload.codec, line: lineOf(i), examples: examples.length, failed }
  })
}

export function report(results: RouteResult[], file: RoutesFile): string {
  const examples = results.reduce((sum, it) => sum + it.examples, 0)
  const failed = results.reduce((sum, it) => sum + it.failed.length, 0)
  const verdict = failed === 0 ? 'everything holds' : `${failed} failed`
  const routes = results.map((result, i) => describe(result, file.describe(i)))
  return `${routes.join('')}${results.length} routes, ${examples} examples, ${verdict}\n`
}

function describe({ examples, failed }: RouteResult, where: string): string {
  const count = examples === 0 ? 'no examples' : `${examples - failed.length} of ${examples} examples hold`
  const lines = failed.flatMap(({ example, topic, payload, missing, surplus }) => [
    `  examples[${example}] ${topic} ${payload}`,
    ...missing.map((line) => `    - ${line}`),
    ...surplus.map((line) => `    + ${line}`),
  ])
  return [`${where}: ${count}`, ...lines, ''].join('\n')
}
