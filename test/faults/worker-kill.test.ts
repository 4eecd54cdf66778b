/** kill -9 of processes that hold connections, now and then of all. SEED=n repeats a run, as far as the machine's timing lets it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { deviceOf, listen } from '../flow/helpers.ts'
import { type DewpointServer, startDewpoint, workersOf } from '../servers/dewpoint.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { until, untilAcknowledged, untilHealthy } from './waiting.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const kills = 12
/** The whole server is killed as often. */
const serverKills = 2

let server: DewpointServer
let publishers: Publisher[] = []

afterEach(async () => {
  for (const publisher of publishers) publisher.close()
  await server?.close()
})

test('dewpoint stores every acknowledged reading once, and calls no device offline, when its workers are killed again and again', async () => {
  console.log(`SEED=${seed}`)
  const random = createRandom(seed)
  server = await startDewpoint({ workers: 3 })
  const devices = ['single-1', 'single-2', 'single-3', 'gateway-1', 'gateway-2', 'plain-gateway']
  publishers = devices.map((device) => {
    const payload = device.startsWith('plain') ? { payload: 'number' as const } : {}
    const pace = device.includes('gateway') ? { window: 50, perSecond: 1000 } : { perSecond: 300 }
    return startPublisher({ port: server.mqttPort, device, ...pace, ...payload })
  })
  const { heard, client } = await listen(server.mqttUrl, 'alerts/#')
  for (let i = 0; i < kills; i++) {
    await sleep(random.between(50, 900))
    const pids = workersOf(server.pid)
    const victim = pids[random.below(pids.length)]
    if (victim !== undefined) process.kill(victim, 'SIGKILL')
  }
  await until(() => workersOf(server.pid).length === 3, 'three workers', 10_000)
  await untilHealthy(server)
  expect(heard).toEqual([])
  client.end(true)
  for (let i = 0; i < serverKills; i++) {
    await untilAcknowledged(publishers, 500)
    await server.stop('SIGKILL')
    await server.restart()
  }
  await untilAcknowledged(publishers, 500)
  for (const device of devices) expect((await deviceOf(server, device))?.state).toBe('online')
  for (const publisher of publishers) publisher.pause()
  for (const publisher of publishers) await publisher.finish()
  const checked = await checkDelivered(server, publishers)
  expect(checked.acknowledged).toBe(checked.sent)
  expect(checked.rows).toBe(checked.sent)
  console.log(JSON.stringify(checked))
}, 120_000)
