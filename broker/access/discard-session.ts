/** Makes nothing of what is kept for a client that is away: subscriptions and queued messages, QoS 2 packets, will. */

type Client = { id: string }

/** What is used of the persistence; the first ends the whole queue, too. */
export type SessionStore = {
  cleanSubscriptions(client: Client): Promise<void>
  cleanIncoming(client: Client): Promise<void>
  delWill(client: Client): Promise<unknown>
}

export async function discardSession(store: SessionStore, id: string): Promise<void> {
  await store.cleanSubscriptions({ id })
  await store.cleanIncoming({ id })
  await store.delWill({ id })
}
