/**
 * kill -9 while the quarantine is replayed by new routes: every reading is stored once, whether its message was wholly or
 * partly refused, and what nobody can mend stays. SEED=n repeats a run, as far as the machine's timing lets it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createRandom, type Random } from '../../devices-sim/random.ts'
import { valueField } from '../../telemetry/schema.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import type { Influxd } from '../servers/influxd.ts'
import { inBothStores } from './both-stores.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { accountProblems, problemsOf } from './invariants.ts'
import { type Publisher, startPublisher } from './publisher.ts'
import { type StoredPoint, storedPoints } from './stored-points.ts'
import { until } from './waiting.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const messagesOfEach = 1000
const hopeless = 20
const kills = 12
/** Of what is still there, asked for before each kill. */
const shareOfReplay = 0.15
const t0 = Date.UTC(2026, 2, 1)

const goodRoute = `routes:
  - { topic: "sensors/{site}/{device}/voltage", measurement: voltage }
`
/** Batches whose every second value is out of range, one with boot, sequence and time, and one with nothing but values. */
const batchRoute = (device: string, range: string) =>
  `  - { topic: "q/{device:${device}}", measurement: ${device}, payload: { codec: json, step: 60 }, fields: [{ channel: "", range: ${range} }] }
`
/** The value stands elsewhere: nothing of the message can be read. */
const movedRoute = (path: string) =>
  `  - { topic: "q/{device:moved}", measurement: moved, payload: { codec: json, value: ${path} } }
`
const lateRoute = `  - { topic: "q/{device:late}", measurement: late, payload: json }
`
const before = goodRoute + batchRoute('timed', '[0, 999999]') + batchRoute('plain', '[0, 999999]') + movedRoute('v')
const after =
  goodRoute + batchRoute('timed', '[0, 9e9]') + batchRoute('plain', '[0, 9e9]') + movedRoute('w') + lateRoute

type Truth = Map<string, Array<{ value: number; timeMs: number | null }>>

/** Messages, and what they must become in the end. */
function arrange(random: Random): { messages: Array<{ topic: string; payload: Buffer }>; truth: Truth } {
  const truth: Truth = new Map(['timed', 'plain', 'moved', 'late'].map((device) => [device, []]))
  const messages: Array<{ topic: string; payload: Buffer }> = []
  const send = (device: string, body: object | string) =>
    messages.push({
      topic: `q/${device}`,
      payload: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    })
  for (let seq = 0; seq < messagesOfEach; seq++) {
    const t = t0 + seq * 120_000
    const pair = [seq * 2, 1_000_001 + seq * 2]
    // Of a batch `t` is the time of the first value.
    for (const [i, value] of pair.entries()) truth.get('timed')?.push({ value, timeMs: t + i * 60_000 })
    for (const value of pair) truth.get('plain')?.push({ value, timeMs: null })
    for (const device of ['moved', 'late']) truth.get(device)?.push({ value: seq, timeMs: t })
    send('timed', { v: pair, t, seq, boot: 1 })
    send('plain', { v: pair })
    send('moved', { w: seq, t, seq, boot: 1 })
    send('late', { v: seq, t, seq, boot: 1 })
  }
  for (let i = 0; i < hopeless; i++) {
    const at = random.below(messages.length)
    messages.splice(at, 0, { topic: 'q/moved', payload: Buffer.from(`hopeless ${i}`) })
  }
  return { messages, truth }
}

function problemsIn(truth: Truth, points: StoredPoint[]): string[] {
  return [...truth].flatMap(([device, wanted]) => {
    const own = points.filter((it) => it.measurement === device && it.field === valueField)
    const found = own.toSorted((a, b) => (a.value as number) - (b.value as number))
    const sorted = wanted.toSorted((a, b) => a.value - b.value)
    if (found.length !== sorted.length) return `${device}: ${found.length} readings stored, ${sorted.length} wanted`
    const wrong = sorted.filter(({ value, timeMs }, i) => {
      const it = found[i] as StoredPoint
      return it.value !== value || (timeMs !== null && it.timeMs !== timeMs)
    })
    return wrong.length === 0
      ? []
      : [`${device}: ${wrong.length} readings differ, the first is ${JSON.stringify(wrong[0])}`]
  })
}

let server: DewpointServer
let publishers: Publisher[] = []
let gateway: Gateway | null = null
afterEach(async () => {
  gateway?.close()
  for (const publisher of publishers) publisher.close()
  await server?.close()
})

const idsInQuarantine = async () =>
  (await server.get<Array<{ id: string }>>('/api/quarantine?limit=100000')).map(({ id }) => id)
const quarantined = async () => (await idsInQuarantine()).length

/** Without ids: all. */
async function replay(choice: { ids?: string[] } = {}): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(choice)
  const response = await fetch(`${server.httpUrl}/api/quarantine/replay`, { method: 'POST', headers, body })
  if (response.status !== 202) throw new Error(`replay: ${response.status} ${await response.text()}`)
}

/**
 * Some messages, some of them asked for twice while the first replay is on its way; then the kill, at any moment, or soon
 * after the first of them have left the quarantine.
 */
async function killDuringReplay(random: Random, waitsForFirst: boolean): Promise<void> {
  const countBefore = await quarantined()
  const ids = (await idsInQuarantine()).filter(() => random.fraction() < shareOfReplay)
  const asked = replay({ ids })
    .then(() => replay({ ids: ids.slice(0, random.below(ids.length + 1)) }))
    .catch(() => null)
  if (waitsForFirst) await until(async () => (await quarantined()) < countBefore, 'the first of a replay', 10_000)
  await sleep(random.between(0, waitsForFirst ? 60 : 400))
  await server.stop('SIGKILL')
  await asked
  await server.restart()
}

function suite(name: string, influxd: () => Influxd | undefined): void {
  test(`dewpoint stores every quarantined reading once in ${name} when it is killed during their replay`, async () => {
    console.log(`SEED=${seed} (${name})`)
    const random = createRandom(seed)
    const store = influxd()
    server = await startDewpoint({ ...(store && { influxd: store }), config: before })
    const { messages, truth } = arrange(random)
    gateway = startGateway({ port: server.mqttPort, client: 'quarantine', window: 50 })
    for (const message of messages) gateway.send({ ...message, dup: false, packetId: null })
    await gateway.finish()
    const first = await server.drained()
    expect(first).toMatchObject({ quarantined: messages.length, stored: 0, duplicate: 0 })
    expect(await quarantined()).toBe(messages.length)

    server.configure(after)
    process.kill(server.pid, 'SIGHUP')
    await until(() => server.log().includes('q/{device:late}'), 'new routes', 10_000)

    publishers = ['one', 'two'].map((device) =>
      startPublisher({ port: server.mqttPort, device, window: 20, perSecond: 300 }),
    )
    const left: number[] = []
    for (let i = 0; i < kills; i++) {
      await killDuringReplay(random, i % 2 === 1)
      left.push(await quarantined())
    }
    await replay()
    await until(async () => (await quarantined()) === hopeless, 'the end of the replay', 30_000)
    for (const publisher of publishers) await publisher.finish()
    const balance = await server.drained(60_000)

    const points = await storedPoints(server)
    console.log(JSON.stringify({ left, balance, points: points.length }))
    expect(new Set(left).size, 'kills fell between two parts of the replay').toBeGreaterThan(kills / 4)
    expect(problemsIn(truth, points)).toEqual([])
    for (const publisher of publishers) {
      const own = points.filter((it) => it.device === publisher.device && it.measurement === 'voltage')
      const stored = own.map((it) => ({ time: new Date(it.timeMs).toISOString(), value: it.value as number }))
      expect(problemsOf(publisher, stored)).toEqual([])
    }
    expect(accountProblems(balance)).toEqual([])
    const sent = publishers.reduce((sum, publisher) => sum + publisher.sent.length, 0)
    expect(balance).toMatchObject({ quarantined: hopeless, stored: messages.length - hopeless + sent, damaged: 0 })

    // And nothing is left that would change it: a further replay decides nothing but what cannot be mended.
    await replay()
    await server.stop('SIGTERM')
    await server.restart()
    expect(await server.drained()).toEqual(balance)
    expect(problemsIn(truth, await storedPoints(server))).toEqual([])
  }, 120_000)
}

inBothStores(suite)
