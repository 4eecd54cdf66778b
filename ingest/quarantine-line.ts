/**
 * What the lines of the quarantine's files say. They are read in order, the older file first:
 *
 *     {"id":"512","topic":...,"payload":...}       the message is kept; again, if it was resolved before
 *     {"updated":"512","code":...,"reason":...}    it was decided again, and stays for this reason
 *     {"resolved":"512","by":9216}                 the replay at this journal position decided it: it is gone
 *     {"expired":1700000000000000}                 what was received before this time (microseconds) was dropped
 */
import type { Qos } from '../telemetry/message.ts'
import type { QuarantineEntry, QuarantineVerdict } from '../telemetry/quarantine.ts'

/** `by`: the journal position of the replay that decided the entry. */
export type Resolution = { id: string; by: number }

export type Line =
  | QuarantineEntry
  | ({ updated: string } & QuarantineVerdict)
  | { resolved: string; by: number }
  | { expired: number }

/** A line as read: fields that were not written yet when it was are filled in. Null: none of ours. */
export function toLine(read: object): Line | null {
  if ('updated' in read || 'resolved' in read || 'expired' in read) return read as Line
  const { id, topic, payload } = read as Partial<QuarantineEntry>
  if (typeof id !== 'string' || typeof topic !== 'string' || typeof payload !== 'string') return null
  return { ...unwritten(read as QuarantineEntry), ...read } as QuarantineEntry
}

/** Of the record that had the line written. */
export function positionOf(line: Line): number {
  if ('expired' in line) return -1
  return 'resolved' in line ? line.by : line.decidedAt
}

/**
 * Of an entry that only says its position and its time in milliseconds. The digits below come from the position, so that
 * two such entries do not become one point when they are decided again.
 */
function unwritten({ id, time }: Pick<QuarantineEntry, 'id' | 'time'>) {
  const position = Number(id)
  const receivedAtUs = Date.parse(time) * 1000 + (position % 1000)
  const qos: Qos = 1
  const flags = { dup: false, retain: false, packetId: 0, epoch: 0 }
  return { configVersion: '', decidedAt: position, qos, ...flags, ordinal: position, receivedAtUs }
}
