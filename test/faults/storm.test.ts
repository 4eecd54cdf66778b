/**
 * Every message three times, over several connections, in any order, of devices that restart and whose clocks leap, while
 * the server is killed again and again: both stores hold the truth exactly. SEED=n repeats a run, as far as the machine's
 * timing lets it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { limits } from '../../telemetry/limits.ts'
import { createFleetDevice, fleetRoutes, kinds } from '../ingest/fleet.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import type { Influxd } from '../servers/influxd.ts'
import { inBothStores } from './both-stores.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { accountProblems } from './invariants.ts'
import { ledgerOf, storedPoints } from './stored-points.ts'
import { clockPreload, qualityFaults, type Storm, startStorm, stormFaults } from './storm.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const kills = 12
/** One end among the kills is a clean one, and saves what is known of devices. */
const cleanStopAt = 4
/** Here the server's clock leaps ahead, so that the ledger closes its rows amidst the storm. */
const leapAt = 7
const gatewayCount = 4

/** What other parts of the journal have told before pushes a receive time on, since it grows from record to record. */
const lateMsMax = Number(process.env.DEWPOINT_WORKERS ?? 0) > 0 ? 500 : 2

let server: DewpointServer
let gateways: Gateway[] = []
let storm: Storm | null = null
afterEach(async () => {
  storm?.close()
  for (const gateway of gateways) gateway.close()
  await server?.close()
})

function suite(name: string, influxd: () => Influxd | undefined): void {
  test(`dewpoint stores the truth exactly in ${name} when every message comes three times in any order and it is killed again and again`, async () => {
    console.log(`SEED=${seed} (${name})`)
    const random = createRandom(seed)
    const store = influxd()
    const env = { NODE_OPTIONS: clockPreload, CLOCK_AHEAD_MS: '0' }
    const leap = () => {
      env.CLOCK_AHEAD_MS = String(Number(env.CLOCK_AHEAD_MS) + limits.ledgerEveryMs)
    }
    server = await startDewpoint({ ...(store && { influxd: store }), config: fleetRoutes, env })
    const serverNowMs = () => Date.now() + Number(env.CLOCK_AHEAD_MS)
    gateways = Array.from({ length: gatewayCount }, (_, i) =>
      startGateway({ port: server.mqttPort, client: `gateway-${i}` }),
    )
    const devices = kinds.flatMap((kind) =>
      ['d1', 'd2'].map((it) => createFleetDevice(kind, `${it}-${kind}`, random, serverNowMs())),
    )
    storm = startStorm({ devices, gateways, random, serverNowMs })
    for (let i = 0; i < kills; i++) {
      await sleep(random.between(300, 2500))
      await server.stop(i === cleanStopAt ? 'SIGTERM' : 'SIGKILL')
      if (i === leapAt) {
        leap()
        // An uptime is reckoned from the clock that the server had: the truth of both would be another.
        storm.reboot()
      }
      await server.restart()
    }
    await storm.finish()
    const balance = await server.drained(60_000)

    // Open rows of the ledger come to the store with the next message behind their stretch.
    await server.stop('SIGKILL')
    leap()
    await server.restart()
    const last = createFleetDevice('value', 'last', random, serverNowMs()).report(serverNowMs())
    gateways[0]?.send({ topic: last.topic, payload: last.payload, dup: false, packetId: null })
    await gateways[0]?.finish()
    const lastBalance = await server.drained()

    const points = await storedPoints(server)
    const { messages } = storm
    const resent = gateways.reduce((sum, gateway) => sum + gateway.resent(), 0)
    const ledger = ledgerOf(points)
    console.log(JSON.stringify({ messages: messages.length, resent, balance, ledger, points: points.length }))
    expect(stormFaults(devices, messages, points, lateMsMax).slice(0, 20)).toEqual([])
    expect(qualityFaults(devices, points)).toEqual([])
    expect(accountProblems(lastBalance)).toEqual([])
    expect(balance).toMatchObject({ stored: messages.length, quarantined: 0, damaged: 0, refused: 0 })
    expect(balance.duplicate).toBeGreaterThanOrEqual(2 * messages.length)
    expect(balance.duplicate).toBeLessThanOrEqual(2 * messages.length + resent)
    expect(lastBalance.stored).toBe(messages.length + 1)
    const { received, expected, missing = 0, duplicate } = ledger
    expect({ received, expected, missing, duplicate }).toEqual({
      received: messages.length,
      expected: messages.length,
      missing: 0,
      duplicate: balance.duplicate,
    })
  }, 180_000)
}

inBothStores(suite)
