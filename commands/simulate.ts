/** `dewpoint simulate`: the demonstration by itself; with a word behind it, a scenario, its oracle, and tools for firmware. */

import { StartError } from '../telemetry/errors.ts'
import { nearest } from '../telemetry/settings/problems.ts'

type Part = { summary: string; load: () => Promise<{ run(argv: string[]): Promise<number> }> }

// Loaded when they are called, as the commands of cli.ts are.
const parts: { [name: string]: Part } = {
  run: { summary: 'runs a scenario, in real time or a year in minutes', load: () => import('./simulate-run.ts') },
  verify: { summary: 'holds the truth of a run against a Dewpoint', load: () => import('./simulate-verify.ts') },
  list: {
    summary: 'names the scenarios',
    load: async () => ({ run: (await import('./simulate-scenarios.ts')).runList }),
  },
  show: {
    summary: 'prints a scenario',
    load: async () => ({ run: (await import('./simulate-scenarios.ts')).runShow }),
  },
  routes: {
    summary: 'prints the routes that a scenario needs',
    load: async () => ({ run: (await import('./simulate-scenarios.ts')).runRoutes }),
  },
  energy: { summary: 'says what a design costs in bytes and battery', load: () => import('./simulate-energy.ts') },
  proxy: { summary: 'puts a bad link before any broker', load: () => import('./simulate-proxy.ts') },
  load: { summary: 'measures how much a broker takes', load: () => import('./simulate-load.ts') },
}

const partsHelp = `
Or:    dewpoint simulate PART [options]

${Object.entries(parts)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`)
  .join('\n')}

  dewpoint simulate PART --help lists the options of a part; docs/simulator.md tells more.
`

export async function run(argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name.startsWith('-')) {
    const demo = await import('./simulate-demo.ts')
    const exitCode = await demo.run(argv)
    if (argv.includes('--help')) process.stdout.write(partsHelp)
    return exitCode
  }
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined
  if (part !== undefined) return (await part.load()).run(rest)
  const near = nearest(name, Object.keys(parts))
  const hint = near === null ? 'dewpoint simulate --help lists them' : `did you mean "${near}"?`
  throw new StartError(`"${name}" is no part of simulate; ${hint}`)
}
