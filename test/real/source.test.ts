/** An existing broker as a source: what mosquitto acknowledged is stored once, whoever is killed or restarted. */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openJournal } from '../../journal/journal.ts'
import { startSource } from '../../sources/source.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { limits } from '../../telemetry/limits.ts'
import { checkDelivered } from '../faults/invariants.ts'
import { type Publisher, startPublisher } from '../faults/publisher.ts'
import { untilAcknowledged, untilFailing, untilHealthy } from '../faults/waiting.ts'
import { connect, deviceOf, metric, patient, readings, storedValues } from '../flow/helpers.ts'
import { openDevice } from '../flow/wire.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Mosquitto, startMosquitto } from '../servers/mosquitto.ts'
import { freePort, needs } from '../servers/tools.ts'

/** A way to a broker that can be cut without the broker's or the client's doing. */
async function openRelay(to: number) {
  const port = await freePort()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const onward = createConnection({ port: to, host: '127.0.0.1' })
    for (const it of [socket, onward]) sockets.add(it.on('error', () => {}))
    pipeline(socket, onward, socket, () => {})
  })
  const mend = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  await mend()
  return {
    address: `127.0.0.1:${port}`,
    url: `mqtt://127.0.0.1:${port}`,
    mend,
    cut() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      return closed
    },
  }
}

describe.skipIf(needs({ mosquitto: true }) !== null)('mosquitto as a source', () => {
  let mosquitto: Mosquitto
  let servers: DewpointServer[]
  let publishers: Publisher[]
  beforeEach(async () => {
    servers = []
    publishers = []
    mosquitto = await startMosquitto()
  })
  afterEach(async () => {
    for (const publisher of publishers) publisher.close()
    for (const server of servers) await server.close()
    await mosquitto.close()
  })

  const check = () => `source dewpoint@127.0.0.1:${mosquitto.port}`
  async function start(clientId = 'dewpoint', share?: string, url = mosquitto.url): Promise<DewpointServer> {
    const shared = share === undefined ? '' : `, share: ${share}`
    const source = `{ url: "${url}", clientId: ${clientId}, topics: ["sensors/#"]${shared} }`
    const server = await startDewpoint({ config: `sources: [${source}]\n` })
    servers.push(server)
    await untilHealthy(server)
    return server
  }
  const publish = async (topic: string, payload: string, retain = false) => {
    const client = await connect(mosquitto.url)
    await client.publishAsync(topic, payload, { qos: 1, retain })
    await client.endAsync()
  }
  /** `plain` numbers are told apart by DUP alone. */
  function startFleet(plain: 'plain' | 'no plain'): void {
    const { port } = mosquitto
    publishers = [
      startPublisher({ port, device: 'single', perSecond: 300 }),
      startPublisher({ port, device: 'gateway', window: 20, perSecond: 1000 }),
    ]
    if (plain === 'plain') {
      publishers.push(startPublisher({ port, device: 'plain', window: 5, perSecond: 200, payload: 'number' }))
    }
  }
  async function finish(server: DewpointServer): Promise<void> {
    for (const publisher of publishers) await publisher.finish()
    const sent = publishers.reduce((sum, it) => sum + it.sent.length, 0)
    const isThere = async () => {
      const { stored, held } = await server.counters()
      expect(stored).toBeGreaterThanOrEqual(sent)
      expect(held).toBe(0)
    }
    await vi.waitFor(isThere, { timeout: 40_000, interval: 100 })
    const checked = await checkDelivered(server, publishers)
    expect(checked.rows).toBe(checked.sent)
    console.log(JSON.stringify(checked))
  }

  test('readings are stored and counted when they are published to mosquitto', async () => {
    const server = await start()
    for (const value of ['0.2', '0.4']) await publish('sensors/m/one/rainfall', value)
    await vi.waitFor(async () => expect(await storedValues(server, 'one')).toEqual([0.2, 0.4]), patient)
    const label = `{source="dewpoint@127.0.0.1:${mosquitto.port}"}`
    expect(await metric(server, `dewpoint_source_received_total${label}`)).toBe(2)
    expect(await metric(server, `dewpoint_source_connects_total${label}`)).toBe(1)
  })

  test('every reading that mosquitto acknowledged is stored once when Dewpoint is killed again and again', async () => {
    const server = await start()
    startFleet('plain')
    for (let i = 0; i < 4; i++) {
      await untilAcknowledged(publishers, 700)
      await server.stop('SIGKILL')
      await untilAcknowledged(publishers, 300)
      await server.restart()
    }
    await untilHealthy(server)
    await untilAcknowledged(publishers, 300)
    await finish(server)
  }, 120_000)

  test('every reading that mosquitto acknowledged is stored once when mosquitto is restarted', async () => {
    const server = await start()
    // What mosquitto took without a PUBACK is sent to it again, and two messages come from there.
    startFleet('no plain')
    for (let i = 0; i < 2; i++) {
      await untilAcknowledged(publishers, 500)
      await mosquitto.stop()
      await untilFailing(server, check())
      await mosquitto.restart()
      await untilHealthy(server)
    }
    await untilAcknowledged(publishers, 300)
    await finish(server)
  }, 120_000)

  test('two Dewpoints share the readings, and none goes to both, when they share a subscription', async () => {
    const both = [await start('dewpoint-1', 'group'), await start('dewpoint-2', 'group')] as const
    startFleet('plain')
    await untilAcknowledged(publishers, 2000)
    for (const publisher of publishers) await publisher.finish()
    for (const publisher of publishers) {
      const isWhole = async () => {
        const stored = await Promise.all(both.map((server) => readings(server, publisher.device, 'voltage')))
        const values = stored.flat().map((it) => it.value)
        expect(values.toSorted((a, b) => a - b)).toEqual(publisher.sent.map((it) => it.value))
      }
      await vi.waitFor(isWhole, patient)
    }
    const counts = await Promise.all(both.map(async (server) => (await server.drained()).stored))
    const sent = publishers.reduce((sum, it) => sum + it.sent.length, 0)
    console.log(JSON.stringify({ sent, counts }))
    for (const stored of counts) expect(stored).toBeGreaterThan(sent / 4)
  })

  test('device behind mosquitto is offline when its will comes, and not when only a link breaks', async () => {
    const relay = await openRelay(mosquitto.port)
    const server = await start('dewpoint', undefined, relay.url)
    const status = (name: string) => `sensors/m/${name}/status`
    const staying = await openDevice(mosquitto.port, { clientId: 'staying', status: status('staying') })
    const torn = await openDevice(mosquitto.port, { clientId: 'torn', status: status('torn') })
    const becomes = (name: string, state: string) =>
      vi.waitFor(async () => expect((await deviceOf(server, name))?.state).toBe(state), patient)
    await becomes('staying', 'online')
    await becomes('torn', 'online')
    torn.socket.destroy()
    await becomes('torn', 'offline')
    const since = (await deviceOf(server, 'staying'))?.since

    await relay.cut()
    await untilFailing(server, `source dewpoint@${relay.address}`)
    expect(await deviceOf(server, 'staying')).toMatchObject({ state: 'online', since })
    await server.stop('SIGKILL')
    await relay.mend()
    await server.restart()
    await untilHealthy(server)
    expect(await deviceOf(server, 'staying')).toMatchObject({ state: 'online', since })
    expect((await deviceOf(server, 'torn'))?.state).toBe('offline')
    staying.socket.destroy()
    await becomes('staying', 'offline')
    await relay.cut()
  })

  test('retained reading is stored when it is published, and never again when a source comes back', async () => {
    await publish('sensors/m/kept/rainfall', '1', true)
    const server = await start()
    await publish('sensors/m/kept/rainfall', '2', true)
    await vi.waitFor(async () => expect(await storedValues(server, 'kept')).toEqual([2]), patient)
    await server.stop()
    await server.restart()
    await untilHealthy(server)
    await publish('sensors/m/kept/rainfall', '3')
    await vi.waitFor(async () => expect(await storedValues(server, 'kept')).toEqual([2, 3]), patient)
  })

  test('no more than the limit waits here when the journal is full, and all is taken when there is room', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dewpoint-full-'))
    const log = pino({ level: 'silent' })
    const journal = await openJournal({ folder, log, bytesMax: 20_000 })
    const counters = createCounters()
    const source = startSource({
      source: {
        name: 'full',
        url: mosquitto.url,
        username: null,
        password: null,
        clientId: 'full',
        topics: ['sensors/#'],
        share: null,
      },
      accept: journal.accept,
      abandon: journal.abandon,
      nextEpoch: createEpochs(),
      isStatus: () => false,
      counters,
      log,
    })
    await vi.waitFor(() => expect(source.check().ok).toBe(true), patient)
    const client = await connect(mosquitto.url)
    const count = 5000
    const payload = 'x'.repeat(1000)
    await Promise.all(Array.from({ length: count }, () => client.publishAsync('sensors/a/b/c', payload, { qos: 1 })))
    await sleep(300)
    const { received } = counters
    expect(journal.status().state).toBe('full')
    expect(journal.stats().waiting).toBeGreaterThan(0)
    // One more is read, since it takes one to see that there are too many.
    expect(journal.stats().waiting).toBeLessThanOrEqual(limits.sourceInFlightMax + 1)
    expect(received).toBe(journal.ordinal() + journal.stats().waiting)

    // As a store does: what was synced is released, and makes room.
    const releasing = setInterval(() => journal.release(journal.durable()), 5)
    await vi.waitFor(() => expect(journal.ordinal()).toBe(count), { timeout: 30_000, interval: 20 })
    clearInterval(releasing)
    expect(counters).toMatchObject({ received: count, refusedReadings: 0 })
    expect(source.check().ok).toBe(true)
    await client.endAsync()
    await source.close()
    await journal.close()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)
})
