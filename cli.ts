#!/usr/bin/env node
import { StartError } from './telemetry/errors.ts'
/** The command `dewpoint`: finds what the first word names, and makes an exit code of how it ends. */
import { nearest } from './telemetry/settings/problems.ts'
import { readVersion } from './version.ts'

/** `run`: takes what stands behind the command's name, answers the exit code, throws StartError for 2. */
type Command = { summary: string; load: () => Promise<{ run(argv: string[]): Promise<number> }> }

// Loaded when they are called: explain must not wait for a database.
const commands: { [name: string]: Command } = {
  start: { summary: 'runs broker, journal, store and page', load: () => import('./commands/start.ts') },
  'check-config': {
    summary: 'holds the configuration against its rules and its examples',
    load: () => import('./commands/check-config.ts'),
  },
  explain: { summary: 'tells what becomes of a message, and why', load: () => import('./commands/explain.ts') },
  simulate: { summary: 'runs simulated devices', load: () => import('./commands/simulate.ts') },
  replay: { summary: 'publishes the readings of a file', load: () => import('./commands/replay.ts') },
  quarantine: {
    summary: 'shows what could not be stored, and tries it again',
    load: async () => ({ run: (await import('./commands/quarantine.ts')).quarantineCommand }),
  },
  device: { summary: 'gives devices their passwords, and takes them away', load: () => import('./commands/device.ts') },
  alerts: { summary: 'tells what alert rules would have told', load: () => import('./commands/alerts-backtest.ts') },
  export: { summary: 'writes stored readings to a file', load: () => import('./commands/export.ts') },
}

const names = Object.keys(commands)
const columnWidth = Math.max(...names.map((name) => name.length)) + 2

const help = `Usage: dewpoint COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(columnWidth)}${summary}`)
  .join('\n')}

  --help     this text; dewpoint COMMAND --help lists the options of a command
  --version  the version

Exit code: 0 done, 1 something did not end well, 2 something to mend first: an option, or the configuration.
`

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    process.stdout.write(help)
    return 0
  }
  if (name === '--version') {
    process.stdout.write(`${readVersion()}\n`)
    return 0
  }
  const hint = 'dewpoint --help lists the commands'
  if (name === undefined || name.startsWith('-')) throw new StartError(`no command given; ${hint}`)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    const near = nearest(name, names)
    throw new StartError(`"${name}" is no command${near === null ? `; ${hint}` : `, did you mean "${near}"?`}`)
  }
  return (await command.load()).run(argv)
}

process.setSourceMapsEnabled(true)
// Whoever read along has had enough, as `head` has: no reason for a stack trace, or for a server to stop.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
const exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof StartError)) throw error
  for (const problem of error.problems) process.stderr.write(`dewpoint: ${problem}\n`)
  return 2
})
process.exit(exitCode)
