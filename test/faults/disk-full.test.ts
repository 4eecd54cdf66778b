/** No room: on the disk of the data folder, or within the size that the configuration grants the journal. */
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'
import { mountMemory, needsMount, unmount } from './disk.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { acknowledgedBy, health, untilAcknowledged, untilFailing, untilHealthy, untilSilent } from './waiting.ts'

const MiB = 1024 ** 2

describe.skipIf(needs({ influxd: true }) !== null)('no room', () => {
  let influxd: Influxd
  let server: DewpointServer
  let publishers: Publisher[] = []

  beforeAll(async () => {
    influxd = await startInfluxd()
  })
  afterAll(() => influxd.close())
  beforeEach(() => {
    publishers = []
  })
  afterEach(async () => {
    for (const publisher of publishers) publisher.close()
    await server.close()
  })

  /** InfluxDB is away, so that nothing in the journal may be released. */
  async function fill(name: string, padBytes: number, perSecond = 5000): Promise<void> {
    const port = server.mqttPort
    publishers = [
      startPublisher({ port, device: `${name}-single`, perSecond: 100 }),
      startPublisher({ port, device: `${name}-gateway-1`, window: 50, perSecond, padBytes }),
      startPublisher({ port, device: `${name}-gateway-2`, window: 50, perSecond, padBytes }),
    ]
    await untilAcknowledged(publishers, 100)
    await influxd.stop('SIGKILL')
    await untilFailing(server, 'journal', 60_000)
  }

  async function expectSilence(): Promise<void> {
    await untilSilent(publishers, 1000, 10_000)
    const acknowledged = acknowledgedBy(publishers)
    await sleep(1000)
    expect(acknowledgedBy(publishers)).toBe(acknowledged)
    const { status, failing } = await health(server)
    expect(status).toBe(503)
    expect(failing).toEqual(['journal', 'store'])
    expect(server.log()).toContain('journal full: nothing is acknowledged')
  }

  async function finish(): Promise<void> {
    for (const publisher of publishers) publisher.pause()
    for (const publisher of publishers) await publisher.finish()
    const checked = await checkDelivered(server, publishers)
    expect(checked.rows).toBe(checked.sent)
    await untilHealthy(server)
    console.log(JSON.stringify(checked))
  }

  describe.skipIf(needsMount() !== null)('on the disk', () => {
    let disk: string
    beforeEach(() => {
      disk = mkdtempSync(join(tmpdir(), 'dewpoint-disk-'))
    })
    afterEach(async () => {
      await server.close()
      unmount(disk)
      rmdirSync(disk)
    })

    test('dewpoint waits without a PUBACK and goes on by itself when somebody makes room', async () => {
      expect(mountMemory(disk, 8)).toBeNull()
      const ballast = join(disk, 'ballast')
      writeFileSync(ballast, Buffer.alloc(5 * MiB))
      server = await startDewpoint({ influxd, data: join(disk, 'data') })
      const { pid } = server
      await fill('room', 900, 1000)
      await expectSilence()

      rmSync(ballast)
      await untilAcknowledged(publishers, 200)
      for (const publisher of publishers) publisher.pause()
      await influxd.restart()
      await finish()
      expect(server.pid).toBe(pid)
    }, 90_000)

    test('dewpoint goes on by itself when the store comes back and nobody makes room', async () => {
      // Room is found in whole segments of 16 MiB, behind a window of as much that is kept.
      expect(mountMemory(disk, 72)).toBeNull()
      server = await startDewpoint({ influxd, data: join(disk, 'data') })
      await fill('store-back', 900, 20_000)
      await expectSilence()
      // A start on a disk that has no room left must work as well.
      await server.stop('SIGKILL')
      await server.restart()

      await influxd.restart()
      // Twice the longest backoff of a delivery.
      await untilAcknowledged(publishers, 200, 30_000)
      await finish()
    }, 120_000)
  })

  test('dewpoint waits without a PUBACK and goes on by itself when the journal reaches its size limit', async () => {
    server = await startDewpoint({ influxd, config: 'journal:\n  bytesMax: 128MiB\n' })
    // Far too long for a reading: they fill the journal quickly, and the quarantine later.
    await fill('limit', 64 * 1024)
    await expectSilence()
    const { received, accepted, refused, waiting } = await server.counters()
    expect(waiting).toBeGreaterThan(0)
    expect(received).toBe(accepted + refused + waiting)

    await influxd.restart()
    await untilHealthy(server)
    await untilAcknowledged(publishers, 100, 60_000)
    for (const publisher of publishers) publisher.pause()
    for (const publisher of publishers) await publisher.finish()
    const [single, ...gateways] = publishers as [Publisher, ...Publisher[]]
    const balance = await server.drained(60_000)
    const refusedSent = gateways.reduce((sum, { sent }) => sum + sent.length, 0)
    expect(balance).toMatchObject({ stored: single.sent.length, quarantined: refusedSent, held: 0, waiting: 0 })
    console.log(JSON.stringify(balance))
  }, 120_000)
})
