/** A journal and a store in memory, for tests that crash ingest more often than a disk would like. */
import type { RecordSource } from '../../ingest/ingest.ts'
import { UnavailableError } from '../../telemetry/errors.ts'
import { lifeCycle, type Message, MessageKind, type Record } from '../../telemetry/message.ts'
import type { Checkpoint, Point } from '../../telemetry/point.ts'
import type { Value } from '../../telemetry/reading.ts'

/** Each record takes `stride` bytes of position, so that few records reach over a window. */
export function memoryJournal(stride: number) {
  const records: Record[] = []
  let ordinal = 0
  let receivedAtUs = 0
  return {
    records,
    end: () => records.length * stride,
    add(message: Partial<Message>, receivedMs: number): Record {
      const base = lifeCycle(MessageKind.publish, 'c1', 1, '')
      if ((message.kind ?? MessageKind.publish) === MessageKind.publish) ordinal++
      receivedAtUs = Math.max(receivedAtUs + 1, Math.round(receivedMs * 1000))
      const record = { ...base, qos: 1 as const, packetId: 1 + (records.length % 60_000), ...message }
      records.push({ ...record, position: records.length * stride, ordinal, receivedAtUs })
      return records.at(-1) as Record
    },
    /** Reads as far as `until` (a number of records), then says that the writer has closed. */
    source(position: number, until = records.length): RecordSource {
      const rest = records.slice(0, until).filter((record) => record.position >= position)
      return {
        read: async () => {
          const some = rest.splice(0, 17)
          return { records: some, next: rest[0]?.position ?? until * stride, damagedBytes: 0 }
        },
        close: async () => {},
      }
    },
  }
}

export type MemoryStore = ReturnType<typeof memoryStore>

/** `isAtomic`: points and checkpoint come together, as in DuckDB; else the points may be there without it, as in InfluxDB. */
export function memoryStore(isAtomic: boolean) {
  let pending: Point[] = []
  const store = {
    points: new Map<string, { series: Point['series']; timeNs: bigint; value: Value }>(),
    saved: null as Checkpoint | null,
    /** Commits until the next crash. */
    commitsLeft: Number.POSITIVE_INFINITY,
    write: async (points: Point[]) => {
      if (isAtomic) pending = points
      else put(points)
      return []
    },
    commit: async (checkpoint: Checkpoint) => {
      if (store.commitsLeft-- <= 0) throw new UnavailableError('test', 'killed before the commit')
      put(pending)
      pending = []
      store.saved = checkpoint
    },
    checkpoint: async () => store.saved,
  }
  const put = (points: Point[]) => {
    for (const { series, timeNs, value } of points)
      store.points.set(`${series.key} ${timeNs}`, { series, timeNs, value })
  }
  return store
}
