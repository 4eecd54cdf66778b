/** Whom sessions belong to: a Map whose entries are kept on disk with the sessions. */
import { isDeepStrictEqual } from 'node:util'
import type { SessionStore } from './store.ts'

/** Values are plain data. */
export function createOwners(store: SessionStore): Map<string, unknown> {
  return new (class extends Map<string, unknown> {
    override set(client: string, owner: unknown): this {
      if (!isDeepStrictEqual(store.state.owners.get(client), owner)) {
        store.change(['owned', client, owner]).catch(() => {})
      }
      return super.set(client, owner)
    }
    override delete(client: string): boolean {
      if (this.has(client)) store.change(['owned', client, null]).catch(() => {})
      return super.delete(client)
    }
    override clear(): void {
      for (const client of [...this.keys()]) this.delete(client)
    }
  })(store.state.owners)
}
