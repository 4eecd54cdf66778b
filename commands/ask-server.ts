/** Asks the API of a Dewpoint that runs. What goes wrong is told in one line: a CommandError, exit 1. */
import { readConfigFile } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'

/** The command cannot do what it was asked to, though it was asked rightly. */
export class CommandError extends Error {}

/** Longer than a journal or a store that is slow takes. */
const answerWithinMs = 60_000

/**
 * The address that `--url` gives, or the configuration of `--config`: only one that is named, since one that lies about may
 * need variables that are not set here. @throws StartError
 */
export function serverOf({ url, config }: { url?: string | undefined; config?: string | undefined }): string {
  if (url !== undefined) return parseServer('url', url)
  if (config === undefined) return 'http://127.0.0.1:8080'
  const { host, port } = readConfigFile(config).http
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** The address without a slash at its end. @throws StartError when it is none of HTTP. */
function parseServer(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (isHttp && url.search === '' && url.hash === '') return url.href.replace(/\/$/, '')
  throw new StartError(`--${option}: "${text}" given, an address like http://127.0.0.1:8080 wanted`)
}

/** GET, or with a body POST. @throws CommandError when there is no answer, or one that says no. */
export async function askServer<Answer>(server: string, path: string, body?: object): Promise<Answer> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const signal = AbortSignal.timeout(answerWithinMs)
  let response: Response
  let text: string
  try {
    response = await fetch(server + path, body === undefined ? { signal } : { ...post, signal })
    text = await response.text()
  } catch (error) {
    const { cause, message } = error as Error
    const why = signal.aborted ? `no answer within ${answerWithinMs / 1000} s` : reasonOf(cause) || message
    throw new CommandError(`${server}: ${why}`)
  }
  const answer = parse(text)
  if (response.ok && answer !== undefined) return answer as Answer
  const { message } = Object(answer) as { message?: unknown }
  const said = typeof message === 'string' ? message : 'this does not look like Dewpoint'
  throw new CommandError(`${server} answered ${response.status}: ${said}`)
}

/** Where fetch() hides what happened; of several addresses that were tried, the code is all there is. */
export function reasonOf(cause: unknown): string {
  const { message, code } = Object(cause) as { message?: string; code?: string }
  return message || code || ''
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
