/** Keeps work that is done again and again to a part of the time, however long it takes: with many devices, or on a slow disk. */
export type Pace = {
  /** False: what was done last took so long that it is not time yet. */
  isDue(): boolean
  /** Does it, whether it is due or not. @throws what the work throws; it is due then */
  run(work: () => Promise<void>): Promise<void>
}

/** `share`: of the time that has passed, one part in so many is work. */
export function createPace(share: number, nowMs: () => number = () => performance.now()): Pace {
  let dueAtMs = Number.NEGATIVE_INFINITY
  return {
    isDue: () => nowMs() >= dueAtMs,
    async run(work) {
      const begunAtMs = nowMs()
      await work()
      dueAtMs = begunAtMs + share * (nowMs() - begunAtMs)
    },
  }
}
