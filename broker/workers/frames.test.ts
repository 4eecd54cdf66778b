import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createFrameReader, createFrames, FrameKind } from './frames.ts'

type Frame = { kind: number; id: number; body: string }

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
function randomFrom(start: number): (n: number) => number {
  console.log(`SEED=${start}`)
  let state = start
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/** Frames, and what they are written as. */
function sink(): { frames: ReturnType<typeof createFrames>; written: Buffer[] } {
  const written: Buffer[] = []
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk)
      done()
    },
  })
  return { frames: createFrames(stream), written }
}
function reading(): { read: (bytes: Buffer) => string | null; frames: Frame[] } {
  const frames: Frame[] = []
  const read = createFrameReader((kind, id, body) => frames.push({ kind, id, body: body.toString('latin1') }))
  return { read, frames }
}
const kinds = Object.values(FrameKind)

test('frames come back as they were sent, however the bytes are cut', () => {
  const below = randomFrom(seed)
  const { frames, written } = sink()
  const sent: Frame[] = []
  for (let i = 0; i < 500; i++) {
    const kind = kinds[below(kinds.length)] as FrameKind
    const body = Buffer.from(Array.from({ length: below(below(10) === 0 ? 5_000 : 30) }, () => below(256)))
    const id = below(2 ** 32)
    frames.send(kind, id, body)
    sent.push({ kind, id, body: body.toString('latin1') })
    if (below(5) === 0) frames.flush()
  }
  frames.flush()
  const bytes = Buffer.concat(written)
  const { read, frames: found } = reading()
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(below(2) === 0 ? 8 : 3_000)
    expect(read(bytes.subarray(at, end))).toBeNull()
    at = end
  }
  expect(found).toEqual(sent)
})

test('frames of one turn are one write', async () => {
  const { frames, written } = sink()
  frames.send(FrameKind.alive, 1)
  frames.send(FrameKind.data, 2, Buffer.from('x'))
  expect(written).toHaveLength(0)
  await new Promise((resolve) => setImmediate(resolve))
  expect(written).toHaveLength(1)
})

test('data longer than a piece arrives as several frames', () => {
  const { frames, written } = sink()
  const body = Buffer.alloc(2 * limits.relayPieceBytes + 1, 'x')
  frames.send(FrameKind.data, 7, body)
  frames.flush()
  const { read, frames: found } = reading()
  for (const bytes of written) expect(read(bytes)).toBeNull()
  expect(found.map(({ body }) => body.length)).toEqual([limits.relayPieceBytes, limits.relayPieceBytes, 1])
})

test.each([
  ['too long', Buffer.from([0xff, 0xff, 0xff, 0xff, FrameKind.data, 0, 0, 0, 0]), /4294967299 bytes/],
  ['too short', Buffer.from([0, 0, 0, 0, FrameKind.data, 0, 0, 0, 0]), /a frame of 4 bytes/],
  ['of a kind that is not known', Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 0]), /unknown kind 0/],
])('reader says so, and reads no more, when a frame is %s', (_what, bytes, detail) => {
  const { read, frames } = reading()
  expect(read(bytes)).toMatch(detail)
  expect(read(Buffer.from([5, 0, 0, 0, FrameKind.alive, 0, 0, 0, 0]))).toMatch(detail)
  expect(frames).toEqual([])
})

test('reader neither throws nor keeps more than a frame when it is given anything', () => {
  const below = randomFrom(seed)
  for (let round = 0; round < 300; round++) {
    const { read } = reading()
    for (let i = 0; i < 20; i++) {
      const bytes = Buffer.from(Array.from({ length: below(40) }, () => (below(3) === 0 ? below(256) : below(12))))
      const problem = read(bytes)
      expect(problem === null || typeof problem === 'string').toBe(true)
    }
  }
})
