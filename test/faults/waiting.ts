/** Bounded waits for a state of a server under a fault. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DewpointServer } from '../servers/dewpoint.ts'
import type { Publisher } from './publisher.ts'

/** @throws Error that names what did not come. */
export async function until(
  isReached: () => boolean | Promise<boolean>,
  what: string,
  withinMs: number,
): Promise<void> {
  for (const deadline = Date.now() + withinMs; !(await isReached()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
  }
}

export type Health = { status: number; failing: string[]; details: string }

export async function health(server: DewpointServer): Promise<Health> {
  const response = await fetch(`${server.httpUrl}/healthz`)
  const { checks } = (await response.json()) as { checks: { [name: string]: { ok: boolean; detail: string } } }
  const failing = Object.entries(checks).filter(([, { ok }]) => !ok)
  const details = failing.map(([name, { detail }]) => `${name}: ${detail}`).join('; ')
  return { status: response.status, failing: failing.map(([name]) => name), details }
}

/** Resolves when /healthz answers 503 for this check. */
export const untilFailing = (server: DewpointServer, check: string, withinMs = 20_000): Promise<void> =>
  until(
    async () => {
      const { status, failing } = await health(server)
      return status === 503 && failing.includes(check)
    },
    `/healthz 503 with check ${check}`,
    withinMs,
  )

export const untilHealthy = (server: DewpointServer, withinMs = 60_000): Promise<void> =>
  until(async () => (await health(server)).status === 200, '/healthz 200', withinMs)

export const acknowledgedBy = (publishers: Publisher[]): number =>
  publishers.reduce((sum, publisher) => sum + publisher.acknowledged(), 0)

/** Resolves when this many further readings were acknowledged. */
export async function untilAcknowledged(publishers: Publisher[], more: number, withinMs = 20_000): Promise<void> {
  const wanted = acknowledgedBy(publishers) + more
  await until(() => acknowledgedBy(publishers) >= wanted, `${more} more PUBACKs`, withinMs)
}

/** Resolves when no PUBACK came for a while although the publishers go on. */
export async function untilSilent(publishers: Publisher[], quietMs: number, withinMs: number): Promise<void> {
  let count = -1
  let since = Date.now()
  await until(
    () => {
      const now = acknowledgedBy(publishers)
      if (now !== count) since = Date.now()
      count = now
      return Date.now() - since >= quietMs
    },
    `no PUBACK for ${quietMs} ms`,
    withinMs,
  )
}
