/** What run.ts asks of the generator and what it answers: one line of JSON each. */

/** Either a window per client, as fast as the PUBACKs come back, or a steady rate over all clients together. */
export type Load = { name: string; messages: number; clients: number } & ({ window: number } | { ratePerS: number })

export type Sent = {
  acked: number
  /** When the first message was written, milliseconds since 1970. */
  startedAtMs: number
  /** From the first message to the last PUBACK. */
  tookMs: number
  /** From the write of a message to its PUBACK. */
  p50Ms: number
  p99Ms: number
  /** CPU seconds of the generator itself. */
  cpuS: number
}

/** Milliseconds since 1970 with fractions: the same clock in every process of the machine. */
export const epochMs = (): number => performance.timeOrigin + performance.now()
