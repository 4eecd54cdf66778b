/**
 * Reads the parts as one journal, in their order. Of each part it reads ahead in large pieces, and keeps what belongs to
 * later extents until it is their turn.
 */
import { limits } from '../../telemetry/limits.ts'
import type { Record } from '../../telemetry/message.ts'
import { type Chunk, type JournalReader, openReader, type SeekingReader, type SharedChunks } from '../reader.ts'
import { type Extent, endOf, toJoint } from './extent.ts'
import type { Order } from './order.ts'

/** Where a part is read: of what stands before `next`, the records from `index` on are to be given. */
type PartReading = { reader: SeekingReader; records: Record[]; index: number; next: number }
const unread = { records: [], index: 0, next: -1 }

export function openJointReader(
  order: Order,
  partFolder: (part: number) => string,
  position: number,
  shared: SharedChunks | null = null,
): JournalReader {
  let at = Math.max(position, order.released().position)
  const parts = new Map<number, PartReading>()
  let page: { first: number; extents: Extent[] } | null = null
  /** Of the page: the extents before end before what is read next. */
  let index = 0

  async function read(): Promise<Chunk> {
    for (;;) {
      await order.grown(at)
      if (order.durable() <= at) return { records: [], next: at, damagedBytes: 0 }
      const chunk = await (shared === null ? readChunk() : shared.at(at, readChunk)).catch((error) => {
        // What was taken of this chunk must be read again.
        for (const reading of parts.values()) Object.assign(reading, unread)
        throw error
      })
      at = chunk.next
      if (chunk.records.length > 0 || chunk.damagedBytes > 0) return chunk
    }
  }

  async function readChunk(): Promise<Chunk> {
    const chunk: Chunk = { records: [], next: at, damagedBytes: 0 }
    while (chunk.next - at < limits.journalReadBytes && chunk.next < order.durable()) {
      const extent = await extentBehind(chunk.next)
      // Positions have leapt to the mark of the store, and nothing has come since.
      if (extent === null) return { ...chunk, next: order.durable() }
      chunk.next = Math.max(chunk.next, extent.base)
      await take(extent, chunk)
    }
    return chunk
  }

  /** The first extent that ends behind the position, which only grows. */
  async function extentBehind(position: number): Promise<Extent | null> {
    if (page === null) page = await order.pages.page(await order.pages.find(position))
    for (;;) {
      for (; index < page.extents.length; index++) {
        const extent = page.extents[index] as Extent
        if (endOf(extent) > position) return extent
      }
      page = await order.pages.page(page.first + page.extents.length)
      index = 0
      const last = page.extents.at(-1)
      if (last === undefined) return null
      // Another reader has read all this for us.
      if (endOf(last) <= position) page = await order.pages.page(await order.pages.find(position))
    }
  }

  /** Takes what the extent still holds, or as much as one read of the part brings. */
  async function take(extent: Extent, chunk: Chunk): Promise<void> {
    const reading = readingOf(extent.part)
    goTo(reading, extent.from + chunk.next - extent.base)
    if (reading.index === reading.records.length && reading.next < extent.to) {
      const read = await reading.reader.read()
      reading.records = read.records
      reading.index = 0
      // An empty read: the part has leapt.
      reading.next = read.next
      chunk.damagedBytes += read.damagedBytes
    }
    const { records } = reading
    for (; reading.index < records.length; reading.index++) {
      const record = records[reading.index] as Record
      if (record.position >= extent.to) break
      chunk.records.push(toJoint(record, extent))
    }
    const reached = reading.index < records.length ? extent.to : Math.min(reading.next, extent.to)
    chunk.next = extent.base + reached - extent.from
  }

  function readingOf(part: number): PartReading {
    const known = parts.get(part)
    if (known !== undefined) return known
    // What the order knows of a part is durable in it.
    const tail = { durable: () => order.endOf(part).position, isExact: true, grown: async () => {} }
    const reader = openReader(partFolder(part), tail, 0)
    const reading = { reader, ...unread }
    parts.set(part, reading)
    return reading
  }

  /** Positions of a part only grow from read to read. */
  function goTo(reading: PartReading, position: number): void {
    const { records } = reading
    while (reading.index < records.length && (records[reading.index] as Record).position < position) reading.index++
    if (reading.next >= position) return
    reading.reader.seek(position)
    reading.next = position
  }

  return {
    read,
    async close() {
      await Promise.all([...parts.values()].map(({ reader }) => reader.close()))
    },
  }
}
