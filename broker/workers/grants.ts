/**
 * Which messages workers take by themselves: by example. A message that came the long way, was allowed, and that nobody
 * listens to, stands for those of its client on its topic, until somebody does.
 */
import type { Client } from 'aedes'
import { limits } from '../../telemetry/limits.ts'
import type { ClientRate } from '../access/rights.ts'
import { type AedesClient, internals } from '../aedes-internals.ts'
import type { IsHeard } from '../audience.ts'
import type { Inlet } from '../intake.ts'
import type { KnownTopics } from '../known-topics.ts'
import { aheadAt, json } from './bodies.ts'
import { RelayStream } from './relay-stream.ts'

export type GrantsOptions = {
  topics: KnownTopics
  isHeard: IsHeard
  rateOf: (client: Client) => ClientRate | null
  epochOf: (client: Client) => number
}

export type Grants = {
  /** The client may publish on the topic, and has just done so. */
  allowed(client: Client, topic: string): void
  /** Null: the connection is one of this process. */
  inlet(client: AedesClient): Inlet | null
  /** What a worker has taken of the client counts here, too. */
  rate(client: Client, body: Buffer): void
}

/** A grant that is on its way is not given again with each message that came before it. */
type Last = { topic: string; atMs: number }

export function createGrants({ topics, isHeard, rateOf, epochOf }: GrantsOptions): Grants {
  const last = new WeakMap<RelayStream, Last>()

  return {
    allowed(client, topic) {
      const { conn, _keepaliveInterval: keepAliveMs } = internals(client)
      if (!(conn instanceof RelayStream)) return
      const bytes = Buffer.from(topic)
      const { isPlain, kind, name, heard } = topics.find(bytes, 0, bytes.length)
      if (!isPlain || isHeard(name, heard)) return void last.delete(conn)
      const nowMs = performance.now()
      const before = last.get(conn)
      if (before?.topic === topic && nowMs - before.atMs < limits.grantAgainMs) return
      last.set(conn, { topic, atMs: nowMs })
      const rest = { epoch: epochOf(client), client: client.id, isLimited: rateOf(client) !== null }
      conn.grant(json({ topic, kind, ...rest, keepAliveMs: Math.max(0, keepAliveMs) }))
    },
    inlet(client) {
      const { conn, _parser: parser } = client
      if (!(conn instanceof RelayStream)) return null
      let taken = 0
      let told = 0
      return {
        take(bytes) {
          parser.parse(bytes)
          taken += bytes.length
        },
        isBehind: () => false,
        isWaiting: () => false,
        handled() {
          if (taken !== conn.received || told === taken) return
          told = taken
          const ahead = rateOf(client as unknown as Client)?.ahead()
          conn.settled(taken, ahead === undefined ? [] : [ahead.messagesMs, ahead.bytesMs])
        },
      }
    },
    rate: (client, body) => rateOf(client)?.catchUp(aheadAt(body, 0)),
  }
}
