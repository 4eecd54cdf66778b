/** Devices in virtual time through the real journal, ingest, store and liveness, held against their truth. */
import { readFile, rm } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { testProfile } from '../../devices-sim/device/rig.ts'
import { isRight, toText } from '../../devices-sim/oracle/result.ts'
import type { FaultPlan, Profile } from '../../devices-sim/profile.ts'
import { limits } from '../../telemetry/limits.ts'
import { journalDigest, minuteMs, type Ran, runProfiles, startMs, storeDigest } from './virtual-world.ts'

const hourMs = 60 * minuteMs
const undo: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function runOf(options: Parameters<typeof runProfiles>[0]): Promise<Ran> {
  const ran = await runProfiles(options)
  undo.push(() => rm(ran.folder, { recursive: true }), ran.run.close)
  return ran
}

function expectRight({ result, run }: Ran): void {
  expect(isRight(result), toText(result)).toBe(true)
  expect(result.hasEnded).toBe(true)
  const { received, accepted, refused, stored, quarantined, duplicate, held } = run.balance
  expect(received).toBe(accepted + refused)
  expect(accepted).toBe(stored + quarantined + duplicate)
  expect(held).toBe(0)
}

const packed: Profile = {
  ...testProfile,
  name: 'packed',
  sensors: ['rain', 'voltage'],
  batch: 15,
  format: 'packed',
  count: 3,
}
const fault = (name: FaultPlan['fault'], perDay: number, lastsS: number): FaultPlan => ({
  fault: name,
  share: 1,
  perDay,
  atS: null,
  lastsS,
  amount: 0,
})
/** Held and waking, with and without session, clock, will and a good link; reboots. */
const mixed: Profile[] = [
  { ...packed, tellsStatus: true, faults: [fault('reboot', 12, 0)] },
  { ...packed, name: 'waking', prefix: 'w', format: 'senml-cbor', connection: 'wake', persistentSession: true },
  {
    ...packed,
    name: 'bad-link',
    prefix: 'b',
    format: 'json',
    batch: 2,
    clock: 'relative',
    tellsStatus: true,
    keepAliveS: 60,
    link: { ...packed.link, latencyMs: 300, jitterMs: 100, outageEveryS: 3600, outageLastsS: 300, halfOpen: 0.5 },
  },
]

test('virtual run ends with the same journal, store and truth when the seed is the same', async () => {
  const ran = async (seed: number) => {
    const it = await runOf({ profiles: mixed, seed, lastsMs: 12 * hourMs })
    expectRight(it)
    return {
      journal: await journalDigest(it.folder),
      store: await storeDigest(it.run),
      truth: await readFile(it.truth, 'utf8'),
      balance: it.run.balance,
    }
  }
  const first = await ran(7)
  expect(first.balance.stored).toBeGreaterThan(1_000)
  expect(await ran(7)).toEqual(first)
  const other = await ran(8)
  expect(other.journal).not.toBe(first.journal)
  expect(other.store).not.toBe(first.store)
})

test('virtual run loses nothing when the server goes away behind a PUBLISH and before its PUBACK', async () => {
  const options = { profiles: mixed, seed: 3, lastsMs: 6 * hourMs }
  const calm = await runOf(options)
  // The same seed sends the same at the same time, until the first outage.
  const sentAtMs = (await calm.of('sent')).find(({ atMs }) => atMs > startMs + hourMs)?.atMs as number
  const ran = await runOf({
    ...options,
    happens({ clock, server }) {
      clock.at(sentAtMs + 2, server.stop)
      clock.at(sentAtMs + 5 * minuteMs, server.start)
      // At odd moments, too.
      for (let hour = 2; hour < 6; hour++) {
        clock.at(startMs + hour * hourMs + hour * 7_919, server.stop)
        clock.at(startMs + hour * hourMs + hour * minuteMs, server.start)
      }
    },
  })
  expectRight(ran)
  expect(ran.run.isDrained).toBe(true)
  expect(calm.run.balance.duplicate).toBe(0)
  expect(ran.run.balance.duplicate).toBeGreaterThan(0)
  const sent = await ran.of('sent')
  expect(new Set(sent.map(({ device, nth }) => `${device}/${nth}`)).size).toBe(ran.result.reports)
})

test('virtual run alerts within one and a half keep-alive intervals when a device dies', async () => {
  const dies: FaultPlan = { fault: 'death', share: 1, perDay: null, atS: 1800, lastsS: 0, amount: 0 }
  const profiles: Profile[] = [
    { ...packed, batch: 1, keepAliveS: 60, tellsStatus: true, count: 1, faults: [dies] },
    { ...packed, name: 'other', prefix: 'o', batch: 1, keepAliveS: 60, count: 1 },
  ]
  const ran = await runOf({ profiles, seed: 5, lastsMs: hourMs, alertWithinMs: 120_000 })
  expectRight(ran)
  const alerts = await ran.of('alert')
  expect(alerts).toHaveLength(1)
  const [{ atMs = 0, topic = '', payload = '' } = {}] = alerts
  const died = (await ran.of('state')).find(({ state }) => state === 'dead')?.atMs as number
  expect(topic).toBe('alerts/home/d-0001')
  expect(atMs).toBeGreaterThanOrEqual(died)
  expect(atMs).toBeLessThanOrEqual(died + 90_000)
  expect(JSON.parse(payload)).toMatchObject({ alert: 'device-offline', state: 'offline' })
  const states = []
  for await (const points of ran.run.store.scan({
    device: 'd-0001',
    channel: 'device_state.online',
    fromMs: 0,
    toMs: startMs + hourMs,
  }))
    states.push(...points.map(({ timeNs, value }) => [Number(timeNs / 1_000_000n), value]))
  expect(states.at(-1)).toEqual([atMs - limits.alertGraceMs, 0])
})

test('virtual run refuses a folder that holds readings already', async () => {
  const ran = await runOf({ profiles: [packed], seed: 1, lastsMs: hourMs })
  await ran.run.close()
  const { folder } = ran
  await expect(runProfiles({ profiles: [packed], seed: 1, lastsMs: hourMs, folder })).rejects.toThrow('holds readings')
})
