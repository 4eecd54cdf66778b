/** Captions of a talk, a line at a time, numbered so that a reader sees what is missing or out of order. */
import type { Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'

/** Without commas, which formats of separated columns cannot hold; with letters beyond ASCII, which all must keep. */
const lines = [
  'Good evening and welcome.',
  'Tonight we talk about rain.',
  'A gauge tips once for every fifth of a millimetre.',
  'Most hours of the year are dry.',
  'What falls in a single hour can fill a cellar.',
  'The station in Görlitz has measured since 1847.',
  'Its first observer wrote with a quill.',
  'Nobody knows what he did on Sundays.',
  'Today a cell the size of a thumb lasts ten years.',
  'It sends a few bytes and goes back to sleep.',
  'Nothing that it says may be lost.',
  'Are there any questions?',
]
/** A line stands at least so long: who asks once a second misses none. */
const standsMsMin = 2000
const standsMsMax = 6000
const pauseMsMean = 20_000
/** Part of the lines after which the speaker is silent for a while; the line stands on. */
const pauses = 0.1

export function createCaptions(random: Random, startMs: number): Sensor {
  let nth = 0
  const standsMs = () =>
    random.between(standsMsMin, standsMsMax) + (random.fraction() < pauses ? random.exponential(pauseMsMean) : 0)
  let untilMs = startMs + standsMs()
  return {
    quantities: [{ channel: 'caption', unit: '', resolution: null, kind: 'text' }],
    sample(nowMs) {
      while (untilMs <= nowMs) {
        nth++
        untilMs += standsMs()
      }
      return [`${nth + 1} ${lines[nth % lines.length]}`]
    },
  }
}
