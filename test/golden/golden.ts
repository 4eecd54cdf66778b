/**
 * Golden cases: routes as in telemetry.yaml, messages in, line protocol or a quarantine code out, as plain text.
 *
 *     # What the case shows.
 *     routes:
 *       - topic: sensors/{site}/{device}/rainfall
 *         measurement: rainfall
 *
 *     > sensors/home/gauge-7/rainfall at=2023-11-14T22:13:20Z client=c1
 *     text 1.2
 *     = rainfall,device=gauge-7,site=home value=1.2 1700000000000
 *
 * A message: `>` and topic, then what differs from a QoS 1 publish of client c1, a second after the message before: at=TIME
 * client=NAME packet=NUMBER epoch=NUMBER, dup, retain, qos0. Its payload: `text`, `hex` or `base64`; several lines of text
 * have a line end between them, bytes are put together. Its end: `=` a point each, in order; `!` a code of the quarantine;
 * `-` neither, as of a duplicate. The time of a point may leave out digits at its end, or all of them.
 */
import { type Message, MessageKind } from '../../telemetry/message.ts'

export type GoldenMessage = Pick<
  Message,
  'client' | 'dup' | 'epoch' | 'packetId' | 'payload' | 'qos' | 'retain' | 'topic'
> & {
  receivedAtUs: number
}
export type GoldenCase = {
  /** YAML with the key `routes`. */
  routes: string
  steps: Array<{ message: GoldenMessage; lines: string[]; code: string | null; line: number }>
}

const firstAtUs = 1_700_000_000_000_000

/** @throws Error that names the line of the file */
export function parseGolden(file: string): GoldenCase {
  const lines = file.split('\n')
  const begin = lines.findIndex((line) => line.startsWith('> '))
  if (begin < 0) throw new Error('no message given')
  const golden: GoldenCase = { routes: lines.slice(0, begin).join('\n'), steps: [] }
  let isDone = true
  for (let i = begin; i < lines.length; i++) {
    const line = lines[i] as string
    if (line.trim() === '' || line.startsWith('#')) continue
    const fail = (wanted: string) => new Error(`line ${i + 1}: "${line}" given, ${wanted} wanted`)
    const [, sign = '', rest = ''] = /^(>|text|hex|base64|=|!|-)(?: (.*))?$/.exec(line) ?? []
    if (sign === '>') {
      if (!isDone) throw fail('the end of the message before')
      golden.steps.push({ message: toMessage(rest, golden.steps, fail), lines: [], code: null, line: i + 1 })
      isDone = false
      continue
    }
    const step = golden.steps.at(-1) as GoldenCase['steps'][number]
    if (sign === '=') step.lines.push(rest)
    else if (sign === '!') step.code = rest
    else if (sign === 'text' || sign === 'hex' || sign === 'base64') addPayload(step.message, sign, rest)
    else if (sign !== '-') throw fail('one of > text hex base64 = ! -')
    isDone ||= sign === '=' || sign === '!' || sign === '-'
  }
  if (!isDone) throw new Error('the last message has no end')
  return golden
}

function toMessage(text: string, before: GoldenCase['steps'], fail: (wanted: string) => Error): GoldenMessage {
  const [topic = '', ...words] = text.split(' ')
  const message: GoldenMessage = {
    topic,
    client: 'c1',
    packetId: before.length + 1,
    epoch: 1,
    qos: 1,
    dup: false,
    retain: false,
    payload: Buffer.alloc(0),
    receivedAtUs: (before.at(-1)?.message.receivedAtUs ?? firstAtUs - 1_000_000) + 1_000_000,
  }
  for (const word of words) {
    const [name, value = ''] = word.split('=')
    if (name === 'at') message.receivedAtUs = Date.parse(value) * 1000
    else if (name === 'client') message.client = value
    else if (name === 'packet') message.packetId = Number(value)
    else if (name === 'epoch') message.epoch = Number(value)
    else if (word === 'dup' || word === 'retain') message[word] = true
    else if (word === 'qos0') message.qos = 0
    else throw fail('at= client= packet= epoch= dup retain qos0')
  }
  // As in the journal, no two messages share a receive time.
  message.receivedAtUs = Math.max(message.receivedAtUs, (before.at(-1)?.message.receivedAtUs ?? 0) + 1)
  return message
}

function addPayload(message: GoldenMessage, encoding: 'text' | 'hex' | 'base64', rest: string): void {
  const isText = encoding === 'text'
  const bytes = isText ? Buffer.from(rest) : Buffer.from(rest.replaceAll(' ', ''), encoding)
  const before = message.payload
  message.payload = Buffer.concat(isText && before.length > 0 ? [before, Buffer.from('\n'), bytes] : [before, bytes])
}

/** Whether the point is the one that the case wants; its time may be shortened. */
export function isWanted(line: string, wanted: string): boolean {
  const at = line.lastIndexOf(' ')
  const time = /^(.*) (\d+)$/.exec(wanted)
  return time === null
    ? line.slice(0, at) === wanted
    : line.slice(0, at) === time[1] && line.slice(at + 1).startsWith(time[2] as string)
}

/** What goes into the journal. */
export const toRecord = (message: GoldenMessage, i: number) => ({
  ...message,
  kind: MessageKind.publish,
  position: i * 100,
  ordinal: i + 1,
})
