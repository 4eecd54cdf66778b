import { expect, test } from 'vitest'
import { abuse } from '../../scripts/abuse.ts'
import { limits } from '../../telemetry/limits.ts'
import { startOwn } from '../mqtt/targets.ts'

test('broker serves its honest client and keeps its bounds when the network is hostile', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  process.stderr.write(`abuse seed ${seed}\n`)
  const own = await startOwn()
  const connections = 10_000
  const { published, delivered } = await abuse({ port: own.port, connections, seed })
  expect(published).toBeGreaterThan(200)
  expect(delivered).toBe(published)
  const { refused, connectionsTotal, subscriberDropped } = own.counters
  // Those that end while they wait in the kernel's queue are never seen.
  expect(connectionsTotal).toBeGreaterThan(connections / 2)
  expect(refused.packet_malformed).toBeGreaterThan(connections / 10)
  // Each giant, and now and then a length turned over.
  expect(refused.packet_too_large).toBeGreaterThanOrEqual(50)
  // Ten clients asked for five times as many as they may have.
  expect(refused.too_many_subscriptions).toBe(10 * (5_000 - limits.subscriptionsPerClientMax))
  expect(subscriberDropped).toBeGreaterThan(0)
  await expect.poll(() => own.counters.connectionsOpen, { timeout: 15_000 }).toBe(0)
  await own.close()
}, 120_000)
