/** A disk that lies: bytes that are missing at the journal's end, bytes that are wrong, and an fdatasync that fails. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readRecord } from '../../journal/record.ts'
import { headerBytes, listSegments } from '../../journal/segment.ts'
import { MessageKind, type Record } from '../../telemetry/message.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'
import { type FailingSyncs, failSyncs } from './failing-syncs.ts'
import { checkDelivered } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { acknowledgedBy, health, until, untilAcknowledged, untilFailing, untilSilent } from './waiting.ts'

let server: DewpointServer
let publishers: Publisher[] = []

afterEach(async () => {
  for (const publisher of publishers) publisher.close()
  await server.close()
})

/** Where a record stands in its file. */
type Placed = { record: Record; path: string; offset: number; end: number }

/** The readings of the last file, read while nobody writes to it. */
async function lastFile(): Promise<{ readings: Placed[]; last: Placed }> {
  const segment = (await listSegments(join(server.data, 'journal'))).at(-1)
  if (segment === undefined) throw new Error('the journal is empty')
  const { path, base } = segment
  const bytes = readFileSync(path)
  const placed: Placed[] = []
  for (let offset = headerBytes; offset < bytes.length; ) {
    const found = readRecord(bytes, offset, base + offset - headerBytes)
    if (typeof found !== 'object') break
    placed.push({ record: found.record, path, offset, end: found.end })
    offset = found.end
  }
  const readings = placed.filter(({ record }) => record.kind === MessageKind.publish)
  return { readings, last: placed.at(-1) as Placed }
}

const valueIn = ({ record }: Placed): number => (JSON.parse(record.payload.toString()) as { v: number }).v

describe.skipIf(needs({ influxd: true }) !== null)('damaged journal', () => {
  let influxd: Influxd
  beforeAll(async () => {
    influxd = await startInfluxd()
  })
  afterAll(() => influxd.close())

  /** Everything sent is acknowledged, a good part of it is held, InfluxDB is down, and the server is killed. */
  async function killWithHeldReadings(device: string): Promise<void> {
    server = await startDewpoint({ influxd })
    publishers = [startPublisher({ port: server.mqttPort, device, window: 20, perSecond: 1000 })]
    await untilAcknowledged(publishers, 300)
    // The store knows how far it is: what is missing behind that is missing, and not from before its time.
    await until(async () => (await server.counters()).stored > 0, 'the first readings in the store', 20_000)
    await influxd.stop('SIGKILL')
    await untilFailing(server, 'store')
    await untilAcknowledged(publishers, 500)
    await publishers[0]?.finish()
    await server.stop('SIGKILL')
  }

  async function bringBack(): Promise<void> {
    await influxd.restart()
    await server.restart()
    publishers[0]?.resume()
    await untilAcknowledged(publishers, 200)
    await publishers[0]?.finish()
  }

  test('dewpoint stores what is whole and tells of the torn tail when the last record is cut in the middle', async () => {
    await killWithHeldReadings('torn')
    const { readings, last } = await lastFile()
    const torn = readings.at(-1) as Placed
    truncateSync(torn.path, Math.floor((torn.offset + torn.end) / 2))
    // Records of the life cycle may follow the last reading; they go with it.
    expect(last.offset).toBeGreaterThanOrEqual(torn.offset)
    await bringBack()
    expect(server.log()).toContain('journal had a torn tail: cut')
    const { balance, rows, sent } = await checkDelivered(server, publishers, { lost: new Set([valueIn(torn)]) })
    expect(rows).toBe(sent - 1)
    // Its place in the count is given to the next reading: by the journal's account it never was.
    expect(balance).toMatchObject({ damaged: 0, accepted: sent - 1 })
  })

  test('dewpoint stores everything else and counts what was lost when a byte in the middle is flipped', async () => {
    await killWithHeldReadings('flipped')
    const { readings } = await lastFile()
    const hurt = [0.6, 0.7, 0.8].map((share) => readings[Math.floor(readings.length * share)] as Placed)
    const path = (hurt[0] as Placed).path
    const bytes = readFileSync(path)
    // In the length, in the checksum, and in the payload: the way back to the next record is another one each time.
    const flipped = hurt.map(({ offset, end }, i) => [offset + 1, offset + 5, end - 3][i] as number)
    for (const at of flipped) bytes[at] = (bytes[at] as number) ^ 0x10
    writeFileSync(path, bytes)
    await bringBack()
    expect(server.log()).toContain('journal is damaged')
    const { balance, rows, sent } = await checkDelivered(server, publishers, { lost: new Set(hurt.map(valueIn)) })
    expect(rows).toBe(sent - 3)
    expect(balance).toMatchObject({ damaged: 3, accepted: sent })
  })
})

describe.skipIf(needs({ strace: true }) !== null)('failing disk', () => {
  let failing: FailingSyncs | null = null
  afterEach(() => failing?.heal())

  test('dewpoint acknowledges nothing more and is unhealthy when fdatasync fails', async () => {
    server = await startDewpoint()
    const port = server.mqttPort
    publishers = [
      startPublisher({ port, device: 'sync-single', perSecond: 200 }),
      startPublisher({ port, device: 'sync-gateway', window: 50, perSecond: 1000 }),
    ]
    await untilAcknowledged(publishers, 500)
    failing = await failSyncs([server.pid])
    await untilFailing(server, 'journal')
    const acknowledged = acknowledgedBy(publishers)
    await sleep(1500)
    expect(acknowledgedBy(publishers)).toBe(acknowledged)
    expect((await health(server)).details).toContain('EIO')
    expect(server.log()).toContain('journal failed: nothing is acknowledged until a restart')
    await untilSilent(publishers, 500, 5000)

    await server.stop('SIGKILL')
    await server.restart()
    await untilAcknowledged(publishers, 200)
    for (const publisher of publishers) await publisher.finish()
    const { rows, sent } = await checkDelivered(server, publishers)
    expect(rows).toBe(sent)
  })
})
