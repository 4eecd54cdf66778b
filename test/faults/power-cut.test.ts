/**
 * The power fails at random moments under load: what no fdatasync brought to the disk is gone. InfluxDB runs on another
 * machine and stays powered; DuckDB's file lies on the disk that fails. SEED=n repeats a run, as far as timing lets it.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'
import { cutPower } from './cut-power.ts'
import { mountPowerDisk, needsPowerDisk, type PowerDisk } from './disk.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { acknowledgedBy, untilAcknowledged } from './waiting.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const cuts = 3

/** The long readings fill a segment of the journal in a few seconds, so that some cuts meet a new one. */
function startFleet(port: number): Publisher[] {
  return [
    startPublisher({ port, device: 'single-1', perSecond: 200 }),
    startPublisher({ port, device: 'single-2', perSecond: 1000 }),
    startPublisher({ port, device: 'gateway-1', window: 50, perSecond: 2000 }),
    startPublisher({ port, device: 'gateway-2', window: 50, perSecond: 500 }),
    startPublisher({ port, device: 'gateway-long-1', window: 50, perSecond: 4000, padBytes: 900 }),
    startPublisher({ port, device: 'gateway-long-2', window: 50, perSecond: 4000, padBytes: 900 }),
  ]
}

describe.skipIf((await needsPowerDisk()) !== null)('power cut', () => {
  let disk: PowerDisk
  let server: DewpointServer | undefined
  let publishers: Publisher[] = []

  beforeEach(async () => {
    server = undefined
    publishers = []
    disk = await mountPowerDisk(200)
  })
  afterEach(async () => {
    for (const publisher of publishers) publisher.close()
    await server?.close()
    disk.close()
  })

  async function cutAgainAndAgain(server: DewpointServer, random: Random): Promise<void> {
    publishers = startFleet(server.mqttPort)
    const acknowledgedAtCuts: number[] = []
    for (let i = 0; i < cuts; i++) {
      await untilAcknowledged(publishers, 100)
      await sleep(random.between(200, 2500))
      await cutPower(server, disk)
      acknowledgedAtCuts.push(acknowledgedBy(publishers))
      await server.restart()
    }
    await untilAcknowledged(publishers, 100)
    for (const publisher of publishers) await publisher.finish()
    const checked = await checkDelivered(server, publishers)
    expect(checked.acknowledged).toBe(checked.sent)
    expect(checked.rows).toBe(checked.sent)
    expect(checked.resent).toBeGreaterThan(0)
    console.log(JSON.stringify({ acknowledgedAtCuts, ...checked }))
  }

  function suite(store: string, influxd: () => Influxd | undefined): void {
    test(`dewpoint stores every acknowledged reading once in ${store} when the power is cut again and again`, async () => {
      console.log(`SEED=${seed} (${store})`)
      const powered = influxd()
      server = await startDewpoint({ data: join(disk.folder, 'data'), ...(powered ? { influxd: powered } : {}) })
      await cutAgainAndAgain(server, createRandom(seed))
    }, 60_000)
  }

  suite('DuckDB', () => undefined)

  describe.skipIf(needs({ influxd: true }) !== null)('with a server', () => {
    let influxd: Influxd
    beforeAll(async () => {
      influxd = await startInfluxd()
    })
    afterAll(() => influxd.close())

    suite('InfluxDB', () => influxd)
  })
})
