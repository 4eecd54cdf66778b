/**
 * A quarantined message, and the way back: an entry becomes a replay message, which takes the journal's path like any other,
 * and ingest gets out of its record the record that was quarantined, bit for bit, to decide it again.
 */
import type { QuarantineCode } from './errors.ts'
import { lifeCycle, type Message, MessageKind, type Qos, type Record } from './message.ts'
import { topicPattern, topicPatternProblem } from './topic.ts'

/** Why an entry left the quarantine without being decided. */
export const quarantineDrops = {
  size: 'the quarantine reached its size, and this was among the oldest',
  age: 'it was older than the quarantine keeps',
} as const
export type QuarantineDrop = keyof typeof quarantineDrops

/** What the API answers, and what a line of the file holds: the message as taken, and why it was kept. */
export type QuarantineEntry = {
  /** The journal position of the message, in digits. */
  id: string
  topic: string
  client: string
  /** When it was received, ISO 8601. */
  time: string
  code: QuarantineCode
  reason: string
  /** The raw bytes in base64. */
  payload: string
  /** Which configuration decided it: 8 hexadecimal digits; '' for entries older than this field. */
  configVersion: string
  /** Journal position of the record that decided it last: its own, or that of a replay which failed again. */
  decidedAt: number
  qos: Qos
  dup: boolean
  retain: boolean
  packetId: number
  epoch: number
  ordinal: number
  receivedAtUs: number
}

/** The parts of an entry that another decision changes. */
export type QuarantineVerdict = Pick<QuarantineEntry, 'code' | 'reason' | 'configVersion' | 'decidedAt'>

/** Payload of a MessageKind.replay: everything of the original record, so that it can be decided when its entry is gone. */
export type ReplayDetails = { id: string; record: Omit<Record, 'kind' | 'payload'> & { payload: string } }

export type Replay = {
  /** Of the entry in the quarantine. */
  id: string
  /** The original: same position, ordinal and receive time, so that it gets the same digits. */
  record: Record
}

export const quarantineId = (record: Pick<Record, 'position'>): string => String(record.position)

export function toEntry(record: Record, verdict: QuarantineVerdict): QuarantineEntry {
  const { topic, client, qos, dup, retain, packetId, epoch, ordinal, receivedAtUs } = record
  return {
    id: quarantineId(record),
    topic,
    client,
    time: new Date(receivedAtUs / 1000).toISOString(),
    ...verdict,
    payload: record.payload.toString('base64'),
    qos,
    dup,
    retain,
    packetId,
    epoch,
    ordinal,
    receivedAtUs,
  }
}

export function toRecord(entry: QuarantineEntry): Record {
  const { topic, client, qos, dup, retain, packetId, epoch, ordinal, receivedAtUs } = entry
  const position = Number(entry.id)
  const payload = Buffer.from(entry.payload, 'base64')
  const kind = MessageKind.publish
  return { kind, qos, dup, retain, packetId, epoch, client, topic, payload, position, ordinal, receivedAtUs }
}

/** The message that asks for another decision. Its size: that of the payload in base64, and the names. */
export function toReplay(entry: QuarantineEntry): Message {
  const { kind: _, ...record } = toRecord(entry)
  const details: ReplayDetails = { id: entry.id, record: { ...record, payload: entry.payload } }
  return lifeCycle(MessageKind.replay, '', 0, '', details)
}

/** @throws SyntaxError when the record is none of kind replay: the journal's checksum vouches for those. */
export function fromReplay(record: Record): Replay {
  const { id, record: original } = JSON.parse(record.payload.toString()) as ReplayDetails
  return {
    id,
    record: { ...original, kind: MessageKind.publish, payload: Buffer.from(original.payload, 'base64') },
  }
}

/** Chooses by topic: a pattern (topic.ts) if it has a level that is none of plain text, else a beginning. Or why it cannot. */
export function topicChoice(text: string): { matches(topic: string): boolean } | { problem: string } {
  if (!/[{}+#]/.test(text)) return { matches: (topic) => topic.startsWith(text) }
  const problem = topicPatternProblem(text)
  if (problem !== null) return { problem: `topic: "${text}" ${problem}` }
  const pattern = topicPattern(text)
  return { matches: (topic) => pattern.match(topic) !== null }
}

/** What to list or to replay; everything that is left out chooses nothing away. */
export type QuarantineChoice = {
  code?: QuarantineCode
  matches?: (topic: string) => boolean
  /** Only messages that were taken before this one: its id as a number. */
  before?: number
}

/** What the console sees of the quarantine. */
export type QuarantineView = {
  get(id: string): QuarantineEntry | undefined
  /** The newest first. */
  list(count: number, choice?: QuarantineChoice): QuarantineEntry[]
  /** How many entries there are of each code. */
  counts(): Partial<{ [code in QuarantineCode]: number }>
}
