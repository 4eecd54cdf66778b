/** `dewpoint export`: stored readings of a running Dewpoint, as a stream into a file that is whole or not there. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { StartError } from '../telemetry/errors.ts'
import { reasonOf, serverOf } from './ask-server.ts'
import { writeParquet } from './export-parquet.ts'
import { parseChoice, parseOptions } from './options.ts'

const help = `Usage: dewpoint export --format FORMAT [options]

Writes what the store of a running Dewpoint holds, all of it or what the options leave.

  --format FORMAT  csv, lines (line protocol), ndjson or parquet
  --out FILE       where it goes; parquet wants one               (-, standard output)
  --from TIME      first time, ISO 8601 or ms since 1970          (the beginning)
  --to TIME        last time                                      (the end)
  --device NAME    this device only
  --site NAME      this site only
  --channel NAME   this channel only
  --url URL        pages and API of the Dewpoint                  (http://127.0.0.1:8080)
  --config FILE    take the address out of this configuration
  --help           this text

FILE is written as FILE.part and gets its name when it is whole.
Exit code: 0 when everything was written, 1 when not, 2 for bad options.
`

const formats = ['csv', 'lines', 'ndjson', 'parquet'] as const
const filters = ['from', 'to', 'device', 'site', 'channel'] as const
const progressMs = 500

export async function run(argv: string[]): Promise<number> {
  const { values } = parseOptions({
    args: argv,
    options: {
      format: { type: 'string' },
      out: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      device: { type: 'string' },
      site: { type: 'string' },
      channel: { type: 'string' },
      url: { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const format = parseChoice('format', values.format, formats)
  const out = values.out === '-' ? undefined : values.out
  if (format === 'parquet' && out === undefined) {
    throw new StartError(`--out: ${values.out === undefined ? 'not' : '"-"'} given, a file wanted for parquet`)
  }
  const root = serverOf(values)
  const query = new URLSearchParams({ format: format === 'parquet' ? 'ndjson' : format })
  for (const name of filters) if (values[name] !== undefined) query.set(name, values[name])

  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort()
  process.once('SIGINT', onInterrupt).once('SIGTERM', onInterrupt)
  const part = `${out}.part`
  try {
    const body = await ask(`${root}/api/export?${query}`, interrupt.signal)
    const progress = createProgress()
    try {
      if (out === undefined) await pipeline(body, progress.count, process.stdout, { end: false })
      else if (format === 'parquet') await writeParquet(progress.count(body), part)
      else await pipeline(body, progress.count, createWriteStream(part, { flush: true }))
    } finally {
      progress.end()
    }
    interrupt.signal.throwIfAborted()
    if (out !== undefined) await rename(part, out)
    return 0
  } catch (error) {
    if (out !== undefined) await rm(part, { force: true })
    if (error instanceof StartError) throw error
    // Whoever reads along has had enough, as `head` has.
    if (out === undefined && (error as NodeJS.ErrnoException).code === 'EPIPE') return 0
    process.stderr.write(`dewpoint: ${interrupt.signal.aborted ? 'interrupted' : reason(error as Error)}\n`)
    return 1
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onInterrupt)
  }
}

/** @throws StartError when the server says that the question is wrong, Error when it does not answer */
async function ask(url: string, signal: AbortSignal): Promise<Readable> {
  const response = await fetch(url, { signal })
  if (response.ok && response.body !== null) return Readable.fromWeb(response.body as ReadableStream)
  const text = await response.text()
  const said = `${new URL(url).origin} answered ${response.status}: ${messageOf(text)}`
  throw response.status === 400 ? new StartError(said) : new Error(said)
}

/** The API tells problems as `{ message }`; something else may sit in front of it. */
function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { message: unknown }).message)
  } catch {
    return text.slice(0, 200)
  }
}

/** fetch() says "fetch failed" and "terminated", and keeps the reason in its cause. */
function reason({ message, cause }: Error): string {
  const why = reasonOf(cause)
  return why === '' ? message : `${message}: ${why}`
}

type Chunks = AsyncIterable<Uint8Array>

/** Counts what passes through; tells it on a terminal, and on standard error, where it is not in the way of the output. */
function createProgress(): { count(chunks: Chunks): Chunks; end(): void } {
  let bytes = 0
  async function* count(chunks: Chunks) {
    for await (const chunk of chunks) {
      bytes += chunk.length
      yield chunk
    }
  }
  if (!process.stderr.isTTY) return { count, end() {} }
  const tell = () => process.stderr.write(`\r${(bytes / 2 ** 20).toFixed(1)} MiB`)
  const timer = setInterval(tell, progressMs)
  return {
    count,
    end() {
      clearInterval(timer)
      tell()
      process.stderr.write('\n')
    },
  }
}
