/** kill -9 at random moments under load. SEED=n repeats a run, as far as the machine's timing lets it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import type { Influxd } from '../servers/influxd.ts'
import { inBothStores } from './both-stores.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { acknowledgedBy, until, untilAcknowledged } from './waiting.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const kills = 10
const killsWhileStarting = 4

let server: DewpointServer
let publishers: Publisher[] = []

/** One at a time like most devices, pipelined like a gateway, and plain numbers, which only DUP tells apart. */
function startFleet(mqttPort: number): Publisher[] {
  const start = (device: string, more: { window?: number; perSecond: number; payload?: 'number' }) =>
    startPublisher({ port: mqttPort, device, ...more })
  return [
    start('single-1', { perSecond: 200 }),
    start('single-2', { perSecond: 1000 }),
    start('gateway-1', { window: 50, perSecond: 2000 }),
    start('gateway-2', { window: 50, perSecond: 500 }),
    start('plain-single', { perSecond: 200, payload: 'number' }),
    start('plain-gateway', { window: 50, perSecond: 500, payload: 'number' }),
  ]
}

async function killAndRestart(random: Random): Promise<void> {
  await sleep(random.between(50, 1200))
  await server.stop('SIGKILL')
  await sleep(random.below(2) * random.between(0, 300))
  await server.restart()
}

/** The kill meets the recovery of the journal, the store's own recovery, or the first steps of the catch-up. */
async function killWhileStarting(random: Random): Promise<void> {
  await sleep(random.between(50, 500))
  await server.stop('SIGKILL')
  const starting = server.restart().then(
    () => true,
    () => false,
  )
  await sleep(random.between(50, 700))
  await server.stop('SIGKILL')
  await starting
  await server.restart()
}

async function finish(): Promise<void> {
  await untilAcknowledged(publishers, 50)
  for (const publisher of publishers) publisher.pause()
  for (const publisher of publishers) await publisher.finish()
  const checked = await checkDelivered(server, publishers)
  expect(publishers.every((publisher) => publisher.acknowledged() > 0)).toBe(true)
  expect(checked.acknowledged).toBe(checked.sent)
  expect(checked.rows).toBe(checked.sent)
  console.log(JSON.stringify(checked))
}

afterEach(async () => {
  for (const publisher of publishers) publisher.close()
  await server?.close()
})

function suite(name: string, influxd: () => Influxd | undefined): void {
  test(`dewpoint stores every acknowledged reading once in ${name} when it is killed again and again`, async () => {
    console.log(`SEED=${seed} (${name})`)
    const random = createRandom(seed)
    const store = influxd()
    server = await startDewpoint(store ? { influxd: store } : {})
    publishers = startFleet(server.mqttPort)
    for (let i = 0; i < kills; i++) await killAndRestart(random)
    for (let i = 0; i < killsWhileStarting; i++) await killWhileStarting(random)
    await finish()
  }, 120_000)
}

inBothStores(suite, (influxd) => {
  test('dewpoint stores every acknowledged reading once when it is killed during the catch-up', async () => {
    console.log(`SEED=${seed} (catch-up)`)
    const random = createRandom(seed)
    server = await startDewpoint({ influxd: influxd() })
    publishers = ['catch-up-1', 'catch-up-2', 'catch-up-3'].map((device, i) =>
      startPublisher({
        port: server.mqttPort,
        device,
        window: 50,
        perSecond: 5000,
        payload: i === 2 ? 'number' : 'json',
      }),
    )
    await untilAcknowledged(publishers, 100)
    await influxd().stop('SIGKILL')
    // Several batches must wait, so that the kill falls between the first and the last of them.
    await untilAcknowledged(publishers, 40_000, 60_000)
    await server.stop('SIGKILL')
    await influxd().restart()
    let killsAmidst = 0
    for (let i = 0; i < 3; i++) {
      await server.restart()
      const { stored } = await server.counters()
      await until(async () => (await server.counters()).stored > stored, 'the first batch of the catch-up', 20_000)
      await sleep(random.between(0, 30))
      const { held } = await server.counters()
      await server.stop('SIGKILL')
      if (held > 0) killsAmidst++
    }
    expect(killsAmidst).toBeGreaterThan(0)
    expect(acknowledgedBy(publishers)).toBeGreaterThan(40_000)
    await server.restart()
    await finish()
  }, 120_000)
})
