/** Answers of one client leave in the order of its packets [MQTT-4.6.0-2], although some of them wait for a disk and others do not. */

/** `work`: what the answer waits for, null where it need not. The answer may be given when what comes back resolves; null: at once. */
export type InOrder = (client: object, work: Promise<void> | null) => Promise<void> | null

/** Call it in the order of the packets. */
export function createInOrder(): InOrder {
  /** The last answer of each client that is due. */
  const latest = new WeakMap<object, Promise<void>>()
  return (client, work) => {
    const before = latest.get(client)
    if (before === undefined && work === null) return null
    const forget = () => {
      if (latest.get(client) === done) latest.delete(client)
    }
    const done = Promise.all([before, work]).then(forget, (error) => {
      forget()
      throw error
    })
    latest.set(client, done)
    return done
  }
}
