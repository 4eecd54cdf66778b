/** The truth of a run on disk, as line.ts draws it. After a crash the file holds whole lines, and perhaps a torn last one. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { createLineWriter, headLine } from './line.ts'
import type { TruthHead, TruthWriter } from './truth.ts'

/** Kept in the process before it goes to the file; fewer system calls than lines. */
const bufferChars = 64 * 1024

/**
 * Takes the place of a file that is there. Writes at once, not behind the caller's back: in virtual time nobody waits, and what waits
 * would fill memory. @throws Error of the disk, here and in write().
 */
export function openTruth(path: string, head: TruthHead): TruthWriter {
  const file = openSync(path, 'w')
  const toLine = createLineWriter()
  let waiting = headLine(head)
  const flush = () => {
    const bytes = Buffer.from(waiting)
    waiting = ''
    for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from)
  }
  return {
    write(event) {
      waiting += toLine(event)
      if (waiting.length >= bufferChars) flush()
    },
    async close() {
      flush()
      fdatasyncSync(file)
      closeSync(file)
    },
  }
}
