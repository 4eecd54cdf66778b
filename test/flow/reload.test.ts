/** New routes by SIGHUP while devices send: nothing is lost, doubled, or decided half by the old and half by the new ones. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { valueField } from '../../telemetry/schema.ts'
import { type Gateway, startGateway } from '../faults/gateway.ts'
import { accountProblems } from '../faults/invariants.ts'
import { type StoredPoint, storedPoints } from '../faults/stored-points.ts'
import { until } from '../faults/waiting.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'

const swaps = 6
const t0 = Date.UTC(2026, 2, 1)
/** A second copy comes so many messages later: mostly behind the next swap. */
const copyAfter = 150

/**
 * Two routes that change together. Beside them one whose measurements only payloads name: else a bucket, which others may
 * share, would not be asked for the measurements that no route names any more.
 */
const routes = (version: number) => `routes:
  - { topic: "r/{device}/x", measurement: x${version} }
  - { topic: "r/{device}/y", measurement: y${version} }
  - { topic: "any/{device}", measurement: "{channel}", payload: senml-json }
`

let server: DewpointServer
let gateway: Gateway | null = null
let load: NodeJS.Timeout | undefined
afterEach(async () => {
  clearInterval(load)
  gateway?.close()
  await server?.close()
})

/** Message i goes to x when i is even, else to y; its value is i. */
function startLoad(): { sent: () => number; finish(): Promise<void> } {
  const opened = startGateway({ port: server.mqttPort, client: 'load' })
  gateway = opened
  let sent = 0
  const send = (i: number, dup: boolean) => {
    const payload = Buffer.from(JSON.stringify({ v: i, t: t0 + i * 1000, seq: i >> 1 }))
    opened.send({ topic: `r/d/${i % 2 === 0 ? 'x' : 'y'}`, payload, dup, packetId: null })
  }
  load = setInterval(() => {
    for (let n = 0; n < 5 && opened.pending() < 100; n++, sent++) {
      send(sent, false)
      if (sent >= copyAfter) send(sent - copyAfter, true)
    }
  }, 10)
  return {
    sent: () => sent,
    async finish() {
      clearInterval(load)
      for (let i = Math.max(0, sent - copyAfter); i < sent; i++) send(i, true)
      await opened.finish()
    },
  }
}

async function reload(config: string, told: string): Promise<void> {
  server.configure(config)
  process.kill(server.pid, 'SIGHUP')
  await until(() => server.log().includes(told), `the log says ${told}`, 20_000)
}

/** By value: the version of the routes that decided it. @throws Error when one is there twice */
function versionsOf(points: StoredPoint[]): number[] {
  const versions: number[] = []
  for (const { measurement, field, value, timeMs } of points) {
    if (!/^[xy]\d/.test(measurement) || field !== valueField) continue
    const i = value as number
    if (versions[i] !== undefined) throw new Error(`${i} is stored twice`)
    expect(timeMs).toBe(t0 + i * 1000)
    expect(measurement[0]).toBe(i % 2 === 0 ? 'x' : 'y')
    versions[i] = Number(measurement.slice(1))
  }
  return versions
}

const stores = [{ store: 'duckdb' }, { store: 'influxdb', needed: { influxd: true } as const }]
describe.each(stores)('$store', ({ needed }) => {
  describe.skipIf(needed !== undefined && needs(needed) !== null)('reload', () => {
    let influxd: Influxd | undefined
    beforeAll(async () => {
      if (needed !== undefined) influxd = await startInfluxd()
    })
    afterAll(() => influxd?.close())

    test('dewpoint swaps routes between two messages, and refuses what does not hold, when devices send all the while', async () => {
      server = await startDewpoint({ ...(influxd && { influxd }), config: routes(0) })
      const { sent, finish } = startLoad()
      const more = (count: number) => {
        const wanted = sent() + count
        return until(() => sent() >= wanted, `${count} more messages`, 20_000)
      }
      await more(100)
      for (let version = 1; version <= swaps; version++) {
        await reload(routes(version), `measurement y${version - 1} → y${version}`)
        await more(100)
      }

      const broken = `routes:
  - { topic: "r/{device}/x", measurement: x99, payload: morse }
  - { topic: "r/{device}/y", measurement: y99, colour: red }
`
      await reload(broken, 'the configuration stays as it was')
      expect(server.log()).toMatch(/telemetry.yaml:\d+ routes\[0\].payload: \\"morse\\" given/)
      expect(server.log()).toMatch(/telemetry.yaml:\d+ routes\[1\].colour: unknown key/)
      await more(100)
      await reload(
        `routes:
  - { topic: "r/{device}/x", measurement: x${swaps}, payload: text }
  - { topic: "r/{device}/y", measurement: y99 }
`,
        `measurement x${swaps}, field value: the store holds float, the route r/{device}/x writes string`,
      )
      await more(100)
      await finish()

      const balance = await server.drained()
      expect(balance).toMatchObject({ stored: sent(), duplicate: sent(), quarantined: 0 })
      expect(accountProblems(balance)).toEqual([])
      const versions = versionsOf(await storedPoints(server))
      expect(versions.length).toBe(sent())
      expect(versions).toEqual(versions.toSorted((a, b) => a - b))
      expect(new Set(versions)).toEqual(new Set(Array.from({ length: swaps + 1 }, (_, version) => version)))
    })
  })
})
