/** Makes nothing of what aedes keeps for a client that is away: subscriptions, queued messages, QoS 2 packets, will. */

type Client = { id: string }

/** What is used of aedes-persistence 11. */
export type SessionStore = {
  cleanSubscriptions(client: Client): Promise<void>
  outgoingStream(client: Client): AsyncIterable<object>
  outgoingClearMessageId(client: Client, packet: object): Promise<unknown>
  cleanIncoming(client: Client): Promise<void>
  delWill(client: Client & { brokerId: string }): Promise<unknown>
}

export async function discardSession(store: SessionStore, id: string, brokerId: string): Promise<void> {
  await store.cleanSubscriptions({ id })
  for await (const packet of store.outgoingStream({ id })) await store.outgoingClearMessageId({ id }, packet)
  await store.cleanIncoming({ id })
  await store.delWill({ id, brokerId })
}
