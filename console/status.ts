/** The pipeline's own numbers: what the balance says, and what is healthy. */

/** The life of every reading, over the life of the data folder. received = accepted + refused + waiting; accepted = stored + quarantined + duplicate + damaged + held. */
export type Balance = {
  received: number
  accepted: number
  refused: number
  /** Arrived, and not taken yet because the journal is full. */
  waiting: number
  stored: number
  quarantined: number
  duplicate: number
  damaged: number
  /** In the journal, on the way to the store. */
  held: number
}

export type Check = { ok: boolean; detail: string }
export type Health = { status: 'ok' | 'failing'; checks: { [name: string]: Check } }

export function health(checks: Health['checks']): Health {
  return { status: Object.values(checks).every((check) => check.ok) ? 'ok' : 'failing', checks }
}
