/**
 * Step: is this report one that came before? At least once is what MQTT promises: after a broken connection a client
 * sends again whatever it got no PUBACK for, and the first copy may well be in the journal.
 *
 * | the report carries        | it is the same report when                                                        |
 * | boot and sequence         | both are the same, in its stream: exact, over any distance (sequence.ts)          |
 * | time and sequence         | sequence, time and value are the same, in its stream                              |
 * | sequence alone            | sequence and value are the same, and connection, or client and packet identifier  |
 * | time alone                | client, packet identifier, topic and payload are the same                         |
 * | neither                   | these four are the same, and DUP is set, or was, and this one is of an older connection |
 *
 * In all but the first row within the window; where the packet identifier counts, no DISCONNECT of the client may stand
 * between: who leaves by itself has nothing to send again. They err on the side of keeping: two equal plain numbers may be
 * two readings. A device that repeats boot and sequence for another reading has started without counting it.
 */
import { isReservedClient } from '../telemetry/client.ts'
import type { Record } from '../telemetry/message.ts'
import type { Reading, Report } from '../telemetry/reading.ts'
import { createRecent, isTimed, recall, remember } from './recent.ts'
import type { BootCount, Place } from './sequence.ts'
import type { Window } from './window.ts'

/** Where a report stands in its count; `count` null: it is the first of its boot. */
export type Placed = {
  place: Place
  sequence: number
  count: BootCount | null
  isExact: boolean
  clockMs: number | null
}

/**
 * restarted: it bears the number of another report, so its count has begun anew. altered: it bears number and time of
 * another report, and says something else: neither must take the place of the other.
 */
export type Verdict = 'new' | 'repeated' | 'restarted' | 'altered'

export type Duplicates = {
  /** The report is not remembered yet. `placed` is null without a sequence. */
  judge(record: Record, report: Report, placed: Placed | null): Verdict
  /** A report with a sequence that is taken, or came again. */
  remember(record: Record, report: Report, sequence: number, count: BootCount): void
  /** The client left by a DISCONNECT: it holds nothing that it would send again. */
  left(client: string, position: number): void
}

export function createDuplicates(window: Window): Duplicates {
  const messages = window.generations<string, number>()
  const departures = window.generations<string, number>()
  /** The connection of a copy with DUP that nothing stood before. */
  const resent = window.generations<string, number>()

  type Asked = { record: Record | null; copy: string; seenAt: number | undefined }
  let asked: Asked = { record: null, copy: '', seenAt: undefined }

  const isGone = (client: string, seenAt: number) => seenAt < (window.get(departures, client) ?? -1)

  /** Beyond everything of its count by number and by clock: it cannot have come before. */
  function isAhead({ place, count, clockMs }: Placed): boolean {
    if (place !== 'next' && place !== 'gap') return false
    return count !== null && clockMs !== null && count.highestClockMs !== null && clockMs > count.highestClockMs
  }

  function judgeSequence(record: Record, report: Report, placed: Placed): Verdict {
    const first = report.readings[0] as Reading
    const { count, place, isExact, clockMs } = placed
    if (count === null || isAhead(placed) || (isExact && (place === 'next' || place === 'gap'))) return 'new'
    const said = count.recent === undefined ? null : recall(count.recent, window, placed.sequence)
    if (said === null) {
      if (!isExact || place !== 'seen') return 'new'
      const isLater = clockMs !== null && count.highestClockMs !== null && clockMs > count.highestClockMs
      return isLater ? 'restarted' : 'repeated'
    }
    const { arrival, timeMs, value } = said
    const isSame = value === first.value && (!isTimed(first, report) || timeMs === first.timeMs)
    // Numbers from before the gaps that are remembered stand as if they had not come; the window may know better.
    if (isExact) return isSame ? 'repeated' : place === 'seen' ? 'restarted' : 'new'
    if (!isSame) return isTimed(first, report) && timeMs === first.timeMs ? 'altered' : 'new'
    if (arrival === null) return 'repeated'
    // Within one connection a device does not restart; behind a source or a gateway there are many.
    if (arrival.epoch === record.epoch && !isReservedClient(record.client)) return 'repeated'
    const isSameCopy = arrival.client === record.client && arrival.packetId === record.packetId && record.packetId !== 0
    return isSameCopy && !isGone(record.client, arrival.position) ? 'repeated' : 'new'
  }

  /** The message by name, and where it stood before. Its reports ask one after the other, and its payload is long. */
  function copyOf(record: Record): Asked {
    if (record === asked.record) return asked
    const { client, packetId, topic, payload, position } = record
    const copy = `${client}|${packetId}|${topic}|${payload.toString('latin1')}`
    asked = { record, copy, seenAt: window.get(messages, copy) }
    window.set(messages, copy, position)
    return asked
  }

  function judgeMessage(record: Record, hasTime: boolean): Verdict {
    if (record.qos === 0) return 'new'
    const { client, dup, epoch } = record
    const { copy, seenAt } = copyOf(record)
    if (seenAt === undefined || isGone(client, seenAt)) {
      if (dup) window.set(resent, copy, epoch)
      return 'new'
    }
    if (hasTime || dup) return 'repeated'
    // While the journal is full both copies wait, each in the worker of its connection, and the second may be taken first.
    return epoch < (window.get(resent, copy) ?? -1) ? 'repeated' : 'new'
  }

  return {
    judge(record, report, placed) {
      if (placed !== null) return judgeSequence(record, report, placed)
      return judgeMessage(record, isTimed(report.readings[0] as Reading, report))
    },
    remember(record, report, sequence, count) {
      count.recent ??= createRecent(window)
      remember(count.recent, window, sequence, report, record)
    },
    left(client, position) {
      window.set(departures, client, position)
    },
  }
}
