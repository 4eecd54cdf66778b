/** Options of all commands. A wrong one is a StartError of one line: what was given, what is wanted. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { StartError } from '../telemetry/errors.ts'

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `500ms`, `60s`, `5m`, `1h` as milliseconds. */
export function parseDuration(option: string, text: string, msMin = 1): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  const ms = parts === null ? 0 : Number(parts[1]) * unitMs[parts[2] as keyof typeof unitMs]
  // setTimeout() takes at most 2^31 - 1 ms, and fires at once beyond.
  if (ms >= msMin && ms < 2 ** 31) return Math.round(ms)
  throw new StartError(`--${option}: "${text}" given, a duration from ${msMin}ms to 596h like 500ms, 60s or 5m wanted`)
}

export function parseWhole(option: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= min && number <= max) return number
  throw new StartError(`--${option}: "${text}" given, a whole number from ${min} to ${max} wanted`)
}

/** Without one any, which whoever asked prints, so that the run can be repeated. */
export const parseSeed = (text: string | undefined): number =>
  text === undefined ? Math.floor(Math.random() * 1e6) : parseWhole('seed', text, 0, 2 ** 32 - 1)

export function parsePositive(option: string, text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number
  throw new StartError(`--${option}: "${text}" given, a number above 0 wanted`)
}

export function parseUrl(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'mqtt:' && url.hostname !== '' && url.port !== '0') return text
  throw new StartError(`--${option}: "${text}" given, an address like mqtt://127.0.0.1:1883 wanted`)
}

export function parseChoice<Choice extends string>(
  option: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice {
  const chosen = choices.find((choice) => choice === text)
  if (chosen !== undefined) return chosen
  throw new StartError(
    `--${option}: ${text === undefined ? 'not' : `"${text}"`} given, one of ${choices.join(', ')} wanted`,
  )
}

/** One level of a topic. */
export function parseLevel(option: string, text: string): string {
  if (text !== '' && !/[/+#\0]/.test(text)) return text
  throw new StartError(`--${option}: "${text}" given, a name without / + # wanted`)
}

/** parseArgs() of node:util with its complaints as StartError. */
export function parseOptions<const Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (error) {
    const [complaint] = (error as Error).message.split(/\. |\n/)
    throw new StartError(`${complaint}; --help lists the options`)
  }
}
