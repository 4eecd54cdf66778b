/** InfluxDB goes away in every way it can; devices must not notice, and nothing may be missing or doubled afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { health, untilAcknowledged, untilFailing, untilHealthy } from './waiting.ts'

describe.skipIf(needs({ influxd: true }) !== null)('store down', () => {
  let influxd: Influxd
  let server: DewpointServer
  let publishers: Publisher[] = []

  beforeAll(async () => {
    influxd = await startInfluxd()
  })
  afterAll(() => influxd.close())

  /** Names are new for each test, since all of them share one InfluxDB. */
  async function start(name: string): Promise<void> {
    server = await startDewpoint({ influxd })
    const port = server.mqttPort
    publishers = [
      startPublisher({ port, device: `${name}-single`, perSecond: 50 }),
      startPublisher({ port, device: `${name}-gateway`, window: 50, perSecond: 300 }),
      startPublisher({ port, device: `${name}-plain`, window: 10, perSecond: 100, payload: 'number' }),
    ]
    await untilAcknowledged(publishers, 300)
  }
  beforeEach(() => {
    publishers = []
  })
  afterEach(async () => {
    for (const publisher of publishers) publisher.close()
    await server.close()
  })

  async function finish(): Promise<void> {
    await untilAcknowledged(publishers, 100)
    for (const publisher of publishers) publisher.pause()
    for (const publisher of publishers) await publisher.finish()
    const checked = await checkDelivered(server, publishers)
    expect(checked.rows).toBe(checked.sent)
    expect((await health(server)).status).toBe(200)
    console.log(JSON.stringify(checked))
  }

  test('dewpoint goes on acknowledging and stores everything once when InfluxDB is killed and started again', async () => {
    await start('killed')
    await influxd.stop('SIGKILL')
    await untilFailing(server, 'store')
    await untilAcknowledged(publishers, 500)
    await influxd.restart()
    await untilHealthy(server)
    await finish()
  }, 90_000)

  test('dewpoint goes on acknowledging and stores everything once when InfluxDB is away for 30 s', async () => {
    await start('away')
    const awayUntil = Date.now() + 30_000
    await influxd.stop('SIGTERM')
    await untilFailing(server, 'store')
    while (Date.now() < awayUntil) {
      await untilAcknowledged(publishers, 100)
      await sleep(1000)
      expect((await health(server)).failing).toEqual(['store'])
    }
    await influxd.restart()
    await untilHealthy(server)
    await finish()
  }, 120_000)

  test('dewpoint goes on acknowledging and stores everything once when InfluxDB is frozen for 25 s', async () => {
    await start('frozen')
    // Longer than the 20 s after which a write is given up: what InfluxDB took in meanwhile is then written twice.
    const frozenUntil = Date.now() + 25_000
    await influxd.pause()
    try {
      await untilFailing(server, 'store')
      while (Date.now() < frozenUntil) {
        await untilAcknowledged(publishers, 100)
        await sleep(1000)
      }
      expect((await health(server)).failing).toEqual(['store'])
    } finally {
      influxd.resume()
    }
    await untilHealthy(server)
    await finish()
  }, 120_000)

  test('dewpoint starts and acknowledges within seconds when it is killed while InfluxDB is frozen', async () => {
    await start('killed-frozen')
    await influxd.pause()
    try {
      await server.stop('SIGKILL')
      const startedAt = performance.now()
      await server.restart()
      await untilAcknowledged(publishers, 100)
      // InfluxDB's own time-out is 20 s.
      expect(performance.now() - startedAt).toBeLessThan(18_000)
    } finally {
      influxd.resume()
    }
    await untilHealthy(server)
    await finish()
  }, 90_000)

  test('dewpoint stores everything once when it is killed while InfluxDB is down', async () => {
    await start('both')
    await influxd.stop('SIGKILL')
    await untilFailing(server, 'store')
    await untilAcknowledged(publishers, 500)
    await server.stop('SIGKILL')
    await server.restart()
    await untilAcknowledged(publishers, 500)
    await untilFailing(server, 'store')
    await server.stop('SIGKILL')
    await influxd.restart()
    await server.restart()
    await untilHealthy(server)
    await finish()
  }, 90_000)
})
