/** What chaos asks of a fleet whose truth is known, whichever it is. */

/**
 * One thing that is wrong. lost, double: a reading is not in the store, or more than once; invented: nobody measured what is
 * stored; time: it is stored at a time that is not its own; amount: what a counter counted; quality: how a time came about;
 * count: the counters or the ledger do not agree with the truth.
 */
export type Finding = {
  kind: 'lost' | 'double' | 'invented' | 'time' | 'amount' | 'quality' | 'count'
  text: string
  /** By the server's clock, when the reading was acknowledged; null: it is not of one reading. */
  atMs: number | null
}

export type Fleet = {
  start(): void
  /** Messages that were acknowledged so far. */
  acknowledged(): number
  /** The clock of the server has leapt; it is not running. */
  leapt(): void
  /** Sends nothing new. Resolves when all is acknowledged, and the platform has nothing left to store. */
  drain(withinMs: number): Promise<void>
  /** Holds the store against the truth; may be asked again. */
  verify(): Promise<Finding[]>
  /** What it has sent, for people. */
  told(): string
  close(): void
}
