/**
 * Reads a truth file as a stream, with memory for one piece of it. A line that cannot be read is told and passed over; so is a torn
 * last one, which a crash leaves.
 */
import { createReadStream } from 'node:fs'
import { type BriefReport, createLineParser, type LineProblem, parseHead } from './parse.ts'
import type { TruthEvent, TruthHead } from './truth.ts'

/** `line` counts from 1. */
export type TruthProblem = { line: number; problem: string; isTorn: boolean }

export type ReadOptions = {
  onProblem?: (problem: TruthProblem) => void
  /** Lines of other devices are passed over unread: much faster. */
  wants?: (device: number) => boolean
}

const readBytes = 256 * 1024
/** A longer line is none of ours. */
const lineBytesMax = 16 * 1024 * 1024
const lineFeed = 0x0a

/** @throws Error of the disk. */
export async function readTruthHead(path: string): Promise<TruthHead | LineProblem> {
  for await (const lines of linesOf(path)) for (const { bytes } of lines) return parseHead(bytes.toString())
  return { problem: 'an empty file given, a truth file wanted' }
}

/** Every event in the order of the file. @throws Error of the disk. */
export const readTruth = (path: string, options: ReadOptions = {}): AsyncIterable<TruthEvent> =>
  read(path, options, false) as AsyncIterable<TruthEvent>

export type SurveyEvent = Exclude<TruthEvent, { type: 'report' }> | BriefReport

/** The same without the samples: much faster. */
export const surveyTruth = (path: string, options: ReadOptions = {}): AsyncIterable<SurveyEvent> =>
  read(path, options, true) as AsyncIterable<SurveyEvent>

async function* read(
  path: string,
  { onProblem, wants }: ReadOptions,
  isBrief: boolean,
): AsyncGenerator<TruthEvent | BriefReport> {
  const parse = createLineParser(isBrief)
  for await (const lines of linesOf(path)) {
    for (const { number, bytes, isTorn } of lines) {
      if (number === 1) continue
      if (wants !== undefined) {
        const device = deviceOf(bytes)
        if (device !== null && !wants(device)) continue
      }
      const event = parse(bytes.toString())
      if (event === null) continue
      if ('problem' in event) onProblem?.({ line: number, problem: event.problem, isTorn })
      else yield event
    }
  }
}

/** Of a line that begins `["r",12,`, with one of the letters that name a device; null: of another. */
function deviceOf(bytes: Buffer): number | null {
  const letter = bytes[2]
  if (bytes[3] !== 0x22 || bytes[4] !== 0x2c) return null
  // r s a x w
  if (letter !== 0x72 && letter !== 0x73 && letter !== 0x61 && letter !== 0x78 && letter !== 0x77) return null
  let device = 0
  for (let i = 5; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte === 0x2c) return device
    if (byte < 0x30 || byte > 0x39) return null
    device = device * 10 + byte - 0x30
  }
  return null
}

type Line = { number: number; bytes: Buffer; isTorn: boolean }

/** Lines in pieces: an await for each would take longer than to read it. */
async function* linesOf(path: string): AsyncGenerator<Line[]> {
  let number = 0
  /** Beginning of a line that goes on in the next chunk. */
  let begun: Buffer[] = []
  let begunBytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Buffer>) {
    const lines: Line[] = []
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      const rest = chunk.subarray(from, end)
      number++
      lines.push({ number, bytes: begun.length === 0 ? rest : Buffer.concat([...begun, rest]), isTorn: false })
      begun = []
      begunBytes = 0
      from = end + 1
    }
    // Of a line that is too long the beginning is enough to say so.
    if (from < chunk.length && begunBytes < lineBytesMax) {
      begun.push(chunk.subarray(from))
      begunBytes += chunk.length - from
    }
    yield lines
  }
  if (begun.length > 0) yield [{ number: number + 1, bytes: Buffer.concat(begun), isTorn: true }]
}
