/** `dewpoint quarantine`: what a running Dewpoint could not store, and the way back. */

import { quarantineCodes, StartError } from '../telemetry/errors.ts'
import { printable } from '../telemetry/printable.ts'
import type { QuarantineEntry } from '../telemetry/quarantine.ts'
import { askServer, CommandError, serverOf } from './ask-server.ts'
import { parseOptions, parseWhole } from './options.ts'
import { printableBytes } from './printable.ts'

const help = `Usage: dewpoint quarantine list|show|replay [options]

Shows the messages that a running Dewpoint could not store, and sends them through its routes again.

  list            the newest last, with the reason
  show ID         one message whole: payload as text, or hexadecimal
  replay          decides messages again, by the routes of now; without a choice all of them

  --id ID         of this message only; may be given several times   (replay)
  --code CODE     of messages with this reason                       (list, replay)
  --topic TEXT    of topics that begin so, or match a pattern        (list, replay)
                  such as sensors/+/gauge-7/{channel}
  --limit N       so many of the newest                              (list: 20)
  --dry-run       shows the points that the routes of now give, and changes nothing   (replay)
  --url URL       where Dewpoint runs                                (http://127.0.0.1:8080)
  --config FILE   take the address out of this configuration
  --json          the answer as one line of JSON
  --help          this text

A message that is decided again keeps its place and its receive time, and is stored once, however often it is replayed.
Not done: there is no room for all of them, one is not known or, with --dry-run, some would still not be stored.
Exit code: 0 when done, 1 when not, 2 for bad options.
`

type Options = { server: string; isJson: boolean; choice: { code?: string; topic?: string } }
type Preview = { id: string; topic: string } & (
  | { points: string[]; notes: string[] }
  | { code: string; detail: string }
)
type Previews = { previews: Preview[]; remaining: number; unknown: string[] }
type Replayed = { replayed: number; remaining: number; unknown: string[] }

const optionsOf = new Map([
  ['list', ['code', 'topic', 'limit']],
  ['show', []],
  ['replay', ['id', 'code', 'topic', 'dry-run']],
])

const out = (line: string) => process.stdout.write(`${line}\n`)
const messages = (count: number) => `${count} ${count === 1 ? 'message' : 'messages'}`

/** Arguments behind `dewpoint quarantine`. Resolves to the exit code. @throws StartError for bad options: exit 2. */
export async function quarantineCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      id: { type: 'string', multiple: true },
      code: { type: 'string' },
      topic: { type: 'string' },
      limit: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      url: { type: 'string' },
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [verb, ...rest] = positionals
  const { code, topic } = values
  const allowed = optionsOf.get(verb ?? '')
  if (allowed === undefined) throw new StartError(`"${verb ?? ''}" given, list, show or replay wanted; see --help`)
  for (const option of ['id', 'code', 'topic', 'limit', 'dry-run'] as const) {
    const isGiven = values[option] !== undefined && values[option] !== false
    if (isGiven && !allowed.includes(option)) throw new StartError(`--${option}: not an option of ${verb}; see --help`)
  }
  if (rest.length !== (verb === 'show' ? 1 : 0)) {
    throw new StartError(`${verb}: ${rest.length} names given, ${verb === 'show' ? 'one id' : 'none'} wanted`)
  }
  if (code !== undefined && !Object.hasOwn(quarantineCodes, code)) {
    throw new StartError(`--code: "${code}" given, one of ${Object.keys(quarantineCodes).join(', ')} wanted`)
  }
  const choice = { ...(code !== undefined && { code }), ...(topic !== undefined && { topic }) }
  const options = { server: serverOf(values), isJson: values.json, choice }
  const limit = parseWhole('limit', values.limit ?? '20', 1, 100_000)
  const ids = values.id?.map((id) => parseId('--id', id))
  try {
    if (verb === 'list') return await list(options, limit)
    if (verb === 'show') return await show(options, parseId('show', rest[0] as string))
    const question = { ...choice, ...(ids !== undefined && { ids }) }
    return await (values['dry-run'] ? dryRun(options, question) : replay(options, question))
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    process.stderr.write(`dewpoint: ${error.message}\n`)
    return 1
  }
}

function parseId(where: string, text: string): string {
  if (/^\d{1,16}$/.test(text)) return text
  throw new StartError(`${where}: "${text}" given, an id as list shows it wanted`)
}

async function list({ server, isJson, choice }: Options, limit: number): Promise<number> {
  const query = new URLSearchParams({ limit: String(limit), ...choice })
  const entries = await askServer<QuarantineEntry[]>(server, `/api/quarantine?${query}`)
  if (isJson) out(JSON.stringify(entries))
  else if (entries.length === 0) out('no such message is in the quarantine')
  else {
    // Like a log: what is new stands at the end, above the prompt.
    for (const { id, time, code, topic, reason } of entries.toReversed()) {
      out([id.padStart(8), time, code, printable(topic)].join('  '))
      out(`          ${printable(reason)}`)
    }
  }
  return 0
}

async function show({ server, isJson }: Options, id: string): Promise<number> {
  const entry = await askServer<QuarantineEntry>(server, `/api/quarantine/${id}`)
  if (isJson) {
    out(JSON.stringify(entry))
    return 0
  }
  const { payload, code, reason, time, topic, client, configVersion } = entry
  const bytes = Buffer.from(payload, 'base64')
  out(`topic    ${printable(topic)}`)
  out(`client   ${printable(client)}`)
  out(`time     ${time}`)
  out(`code     ${code}: ${quarantineCodes[code] ?? 'a code of a newer Dewpoint'}`)
  out(`reason   ${printable(reason)}`)
  out(`routes   ${configVersion || 'unknown'}`)
  out(`flags    QoS ${entry.qos}${entry.dup ? ', DUP' : ''}${entry.retain ? ', RETAIN' : ''}`)
  out(`payload  ${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'}`)
  if (bytes.length > 0) out(`\n${printableBytes(bytes)}`)
  return 0
}

async function dryRun({ server, isJson }: Options, question: object): Promise<number> {
  const answer = await askServer<Previews>(server, '/api/quarantine/replay', { ...question, dryRun: true })
  const { previews, remaining } = answer
  const staying = previews.filter((it) => 'code' in it).length
  if (isJson) out(JSON.stringify(answer))
  else {
    let points = 0
    for (const it of previews) {
      out(`${it.id.padStart(8)}  ${printable(it.topic)}`)
      if ('code' in it) out(`          stays: ${it.code}: ${printable(it.detail)}`)
      else {
        if (it.points.length === 0 && it.notes.length === 0) out('          goes, and holds no reading')
        for (const line of [...it.points, ...it.notes]) out(`          ${printable(line)}`)
        points += it.points.length
      }
    }
    const shown = `${messages(previews.length)}: ${previews.length - staying} would go (${points} points), ${staying} would stay`
    out(remaining > 0 ? `${shown}; ${remaining} more are not shown, --id, --code or --topic narrow it down` : shown)
  }
  return tellUnknown(answer.unknown) || staying > 0 ? 1 : 0
}

async function replay({ server, isJson }: Options, question: object): Promise<number> {
  const answer = await askServer<Replayed>(server, '/api/quarantine/replay', question)
  if (isJson) out(JSON.stringify(answer))
  else out(`${messages(answer.replayed)} on the way again; "dewpoint quarantine list" shows what stays`)
  if (answer.remaining > 0) {
    process.stderr.write(`the journal has no room for ${messages(answer.remaining)} more: replay again later\n`)
  }
  return tellUnknown(answer.unknown) || answer.remaining > 0 ? 1 : 0
}

function tellUnknown(ids: string[]): boolean {
  for (const id of ids) process.stderr.write(`${id}: no such message is in the quarantine\n`)
  return ids.length > 0
}
