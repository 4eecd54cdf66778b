/** What happens before a journal takes its first message: find where the last process stopped. */
import { type FileHandle, open, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createSegment, type End, findTail, headerBytes, listSegments, type Segment, startOf } from './segment.ts'

/** `first`: where the oldest segment begins. */
type Opened = { file: FileHandle; segments: Segment[]; first: End; end: End }

/** Finds the end of the journal, cuts a torn tail, and never starts before what the store has taken. */
export async function recover(
  folder: string,
  startAt: { position: number; ordinal: number },
  log: Logger,
): Promise<Opened> {
  const segments = await listSegments(folder)
  let last = segments.at(-1)
  // A crash while a segment was created leaves a file without a header; nothing of it was ever acknowledged.
  while (last !== undefined && last.bytes === 0 && (await startOf(last)) === null) {
    await rm(last.path)
    segments.pop()
    last = segments.at(-1)
  }
  if (last === undefined) return startSegment(folder, [], { ...startAt, receivedAtUs: 0 })
  const file = await open(last.path, 'r+')
  const tail = await findTail(file, last)
  if (tail.tornBytes > 0) await cutTail(file, last, tail.end.position, log)
  if (tail.damagedBytes > 0) {
    log.error({ file: last.path, bytes: tail.damagedBytes }, 'journal is damaged: these bytes cannot be read')
  }
  last.bytes = tail.end.position - last.base
  if (tail.end.position >= startAt.position) return { file, segments, first: await firstOf(segments), end: tail.end }
  // The store knows more than the journal holds: the folder was emptied, or a disk lied. Positions go on behind.
  await file.close()
  log.error({ journal: tail.end.position, store: startAt.position }, 'journal ends before what the store has taken')
  const ordinal = Math.max(startAt.ordinal, tail.end.ordinal)
  return startSegment(folder, segments, { position: startAt.position, ordinal, receivedAtUs: tail.end.receivedAtUs })
}

async function startSegment(folder: string, segments: Segment[], start: End): Promise<Opened> {
  const created = await createSegment(folder, start)
  const all = [...segments, created.segment]
  return { file: created.file, segments: all, first: await firstOf(all), end: { ...start } }
}

async function firstOf(segments: Segment[]): Promise<End> {
  const oldest = segments[0] as Segment
  return (await startOf(oldest)) ?? { position: oldest.base, ordinal: 0, receivedAtUs: 0 }
}

/** The cut bytes are kept beside the journal: they were never acknowledged, but a person may want to look. */
async function cutTail(file: FileHandle, segment: Segment, position: number, log: Logger): Promise<void> {
  const offset = headerBytes + position - segment.base
  const torn = Buffer.alloc(headerBytes + segment.bytes - offset)
  await file.read(torn, 0, torn.length, offset)
  const kept = join(segment.path, '..', `torn-${position}.bytes`)
  // On a full disk the copy is not worth a failed start.
  const isKept = await writeFile(kept, torn).then(
    () => true,
    () => false,
  )
  await truncate(segment.path, offset)
  await file.datasync()
  log.warn({ file: segment.path, bytes: torn.length, kept: isKept ? kept : null }, 'journal had a torn tail: cut')
}
