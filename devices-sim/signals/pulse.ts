/**
 * A heart beat by beat: base rate, lower at night; exercise, which the heart follows with a delay; slow noise that remembers (AR(1));
 * breath, blood pressure waves and chance in the single interval. At rest the intervals vary as 910 measured ones do:
 * docs/signal-statistics.md.
 */
import type { Random } from '../random.ts'
import type { Sensor } from '../sensor.ts'

export type Person = {
  /** Of a day without exercise. */
  restBpm: number
  /** By how much the rate is lower at 4 o'clock, as a part of it. */
  nightDip: number
  exercisePerDay: number
}

const dayMs = 24 * 3_600_000
/** Part of the adults whose rate sinks by a tenth and more at night. */
const dippers = 0.85
const exerciseMsMean = 20 * 60_000
/** Exercise begins from 6 to 22 o'clock. */
const morning = 6 / 24
const evening = 22 / 24
const slowest = 4 / 24
const riseMs = 45_000
const recoveryMs = 120_000
const slowMs = 15_000
const slowBpm = 2.2
/** Amplitudes, and a deviation, at 60 beats per minute. A faster heart varies less. */
const breathMs = 30
const breathHz = 0.25
const waveMs = 30
const waveHz = 0.1
const chanceMs = 22
/** No breath is as long as the last: by so many of them the phase has gone astray after a second, by the root of the time after more. */
const wanderPerRootS = 0.05
const bpmMin = 30
const bpmMax = 220

export const createPerson = (random: Random): Person => ({
  restBpm: random.between(56, 82),
  nightDip: random.fraction() < dippers ? random.between(0.1, 0.2) : random.between(0, 0.1),
  exercisePerDay: random.between(0, 4),
})

/** Answers the time between the last two beats, ms. `startMs` counts in the person's local time. */
export function createHeart(person: Person, random: Random, startMs: number): (nowMs: number) => number {
  let lastMs = startMs
  let slow = slowBpm * random.normal()
  let phase = random.fraction()
  let effort = 0
  let target = 0
  let turnMs = startMs + random.exponential(dayMs / person.exercisePerDay)

  function follow(untilMs: number) {
    const tauMs = target > effort ? riseMs : recoveryMs
    effort = target + (effort - target) * Math.exp((lastMs - untilMs) / tauMs)
    lastMs = untilMs
  }
  /** Begins exercise unless it is night, or ends it. */
  function turn() {
    const hour = (turnMs / dayMs) % 1
    const begins = target === 0 && hour > morning && hour < evening
    target = begins ? random.between(20, 80) : 0
    turnMs += random.exponential(begins ? exerciseMsMean : dayMs / person.exercisePerDay)
  }
  const swing = (nowMs: number, hz: number) => Math.sin(2 * Math.PI * ((nowMs / 1000) * hz + phase))

  return (askedMs) => {
    // A real clock may be set back: time stands still then.
    const nowMs = Math.max(askedMs, lastMs)
    const decay = Math.exp((lastMs - nowMs) / slowMs)
    slow = decay * slow + slowBpm * Math.sqrt(1 - decay ** 2) * random.normal()
    phase += wanderPerRootS * Math.sqrt((nowMs - lastMs) / 1000) * random.normal()
    while (turnMs <= nowMs) {
      follow(turnMs)
      turn()
    }
    follow(nowMs)
    const night = (1 + Math.cos(2 * Math.PI * (nowMs / dayMs - slowest))) / 2
    const bpm = Math.max(bpmMin, person.restBpm * (1 - person.nightDip * night) + effort + slow)
    const variation = breathMs * swing(nowMs, breathHz) + waveMs * swing(nowMs, waveHz) + chanceMs * random.normal()
    const intervalMs = 60_000 / bpm + variation * (60 / bpm) ** 2
    return Math.min(60_000 / bpmMin, Math.max(60_000 / bpmMax, intervalMs))
  }
}

/** Beats per minute as the last interval says it, whole. */
export function createPulse(random: Random, startMs: number): Sensor {
  const heart = createHeart(createPerson(random), random, startMs)
  return {
    quantities: [{ channel: 'pulse', unit: 'beat/min', resolution: 1, kind: 'gauge' }],
    sample: (nowMs) => [Math.round(60_000 / heart(nowMs))],
  }
}
