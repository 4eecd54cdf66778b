import { beforeEach, expect, test } from 'vitest'
import { demoParts, demoProfile } from './demo.ts'
import { createFakeTransport, type FakeTransport } from './device/fake-transport.ts'
import { countingSensor, startMs, testProfile } from './device/rig.ts'
import { mainsMeter } from './energy/mains.ts'
import { createFleet, type FleetOptions } from './fleet.ts'
import type { Profile } from './profile.ts'
import { createVirtualClock, type VirtualClock } from './sim-clock.ts'
import type { TruthEvent } from './truth/truth.ts'

let clock: VirtualClock
let transport: FakeTransport
let truth: TruthEvent[]

beforeEach(() => {
  clock = createVirtualClock(startMs)
  transport = createFakeTransport(clock)
  truth = []
})

const fleetOf = (profiles: Profile[], changes: Partial<FleetOptions> = {}) => {
  const fleet = createFleet({
    profiles,
    seed: 7,
    clock,
    transport,
    truth: { write: (event) => truth.push(event), close: () => Promise.resolve() },
    startMs,
    createSensors: () => [countingSensor()],
    createMeter: () => mainsMeter,
    ...changes,
  })
  fleet.start()
  return fleet
}
const pass = (seconds: number) => clock.runUntil(clock.nowMs() + seconds * 1000)
const of = <Type extends TruthEvent['type']>(type: Type) =>
  truth.filter((event): event is Extract<TruthEvent, { type: Type }> => event.type === type)

test('fleet names its devices, with their gateways, and counts what they do', () => {
  const fleet = fleetOf([
    { ...testProfile, name: 'a', count: 3, perGateway: 2 },
    { ...testProfile, name: 'b', prefix: 'e', count: 1 },
  ])
  pass(600)
  expect(of('device').map(({ device, about }) => [device, about.device, about.gateway])).toEqual([
    [0, 'd-0001', 'a-gateway-1'],
    [1, 'd-0002', 'a-gateway-1'],
    [2, 'd-0003', 'a-gateway-2'],
    [3, 'e-0001', null],
  ])
  expect(fleet.members.map(({ clientId }) => clientId)).toEqual(of('device').map(({ about }) => about.clientId))
  const reports = of('report').length
  expect(reports).toBe(40)
  expect(fleet.stats()).toEqual({
    devices: 4,
    connected: 4,
    sent: reports,
    acknowledged: of('acknowledged').length,
    dropped: 0,
    waiting: reports - of('acknowledged').length,
    problem: null,
  })
})

test('fleet changes no device when another one is added', () => {
  const taken = (profiles: Profile[]) => {
    clock = createVirtualClock(startMs)
    transport = createFakeTransport(clock)
    truth = []
    fleetOf(profiles, { createSensors: demoParts.createSensors })
    pass(300)
    const at = of('device').find(({ about }) => about.device === 'd-0002')?.device
    return of('report')
      .filter(({ device }) => device === at)
      .map(({ samples, atMs }) => ({ samples, atMs }))
  }
  const two = taken([{ ...testProfile, count: 2 }])
  expect(taken([{ ...testProfile, count: 3 }])).toEqual(two)
  expect(
    taken([
      { ...testProfile, name: 'other', prefix: 'x', count: 5 },
      { ...testProfile, count: 2 },
    ]),
  ).toEqual(two)
})

test('fleet grows while its devices join', () => {
  const fleet = fleetOf([{ ...testProfile, count: 10, joinOverS: 1000 }])
  pass(505)
  expect(fleet.stats().connected).toBe(6)
})

test('fleet breaks its devices by plan: reboot, death, truncation', () => {
  const plan = { share: 1, perDay: null, atS: 300, lastsS: 0, amount: 0 }
  fleetOf([
    { ...testProfile, name: 'reboots', prefix: 'r', faults: [{ ...plan, fault: 'reboot' }] },
    { ...testProfile, name: 'dies', prefix: 'x', faults: [{ ...plan, fault: 'death' }] },
    { ...testProfile, name: 'truncates', prefix: 't', faults: [{ ...plan, fault: 'truncated' }] },
    { ...testProfile, name: 'fine', prefix: 'f', faults: [{ ...plan, fault: 'death', share: 0 }] },
  ])
  pass(900)
  expect(of('state').filter(({ state }) => state === 'dead')).toEqual([
    { type: 'state', device: 1, atMs: startMs + 300_000, state: 'dead', untilMs: null },
  ])
  const expected = of('report').filter(({ expect }) => expect === 'quarantined')
  expect(expected.map(({ device }) => device)).toEqual([2])
  expect(transport.connections.length).toBe(5)
})

test('fleet breaks its devices at random, about so often', () => {
  const fault = { fault: 'reboot', share: 1, perDay: 2, atS: null, lastsS: 0, amount: 0 } as const
  fleetOf([{ ...testProfile, count: 50, sampleEveryS: 86_400, faults: [fault] }])
  const first = transport.connections.length
  pass(86_400 * 4)
  const reboots = transport.connections.length - first - 50
  expect(reboots).toBeGreaterThan(320)
  expect(reboots).toBeLessThan(480)
})

test('fleet has a twin of a device, which wants its client identifier while it lasts', () => {
  const twin = { fault: 'twin', share: 1, perDay: null, atS: 60, lastsS: 60, amount: 0 } as const
  fleetOf([{ ...testProfile, faults: [twin] }])
  pass(90)
  expect(transport.connections).toHaveLength(2)
  expect(new Set(transport.connections.map(({ options }) => options.clientId))).toEqual(new Set(['home-d-0001']))
  expect(transport.connections[1]?.published).toEqual([])
  pass(60)
  expect(transport.connections[1]?.isDropped).toBe(true)
})

test('fleet drains what waits, and says when it cannot', async () => {
  const fleet = fleetOf([{ ...testProfile, batch: 10, count: 2 }])
  pass(300)
  expect(fleet.stats().waiting).toBe(0)
  const drained = fleet.drain(5000)
  pass(5)
  expect(await drained).toBe(true)
  // What stood in memory has become a report.
  expect(of('acknowledged')).toHaveLength(2)

  transport.behaviour.acknowledges = () => false
  const other = fleetOf([{ ...testProfile, name: 'other', prefix: 'o' }])
  pass(300)
  const failed = other.drain(5000)
  pass(6)
  expect(await failed).toBe(false)
})

test('fleet leaves when it is closed, and the truth knows what was lost by it', async () => {
  transport.behaviour.acknowledges = ({ topic }) => topic.endsWith('/status')
  const fleet = fleetOf([{ ...testProfile, tellsStatus: true }])
  pass(300)
  const closed = fleet.close()
  pass(3)
  await closed
  expect(transport.last()).toMatchObject({ isEnded: true })
  expect(transport.last().published.at(-1)?.payload.toString()).toBe('offline')
  const lost = of('dropped')
  expect(lost.length).toBe(of('report').length)
  expect(new Set(lost.map(({ why }) => why))).toEqual(new Set(['run_over']))
  const said = truth.length
  pass(600)
  expect(truth).toHaveLength(said)
})

test('fleet of the demonstration publishes three channels on the default topics', () => {
  fleetOf([demoProfile({ devices: 2, intervalMs: 2000 })], demoParts)
  pass(60)
  const topics = new Set(transport.reports().map(({ topic }) => topic))
  expect(topics).toEqual(
    new Set(
      ['rg-0001', 'rg-0002'].flatMap((device) =>
        ['rainfall', 'pulse', 'voltage'].map((channel) => `sensors/demo/${device}/${channel}`),
      ),
    ),
  )
  const numbers = transport
    .reports()
    .filter(({ topic }) => topic === 'sensors/demo/rg-0001/pulse')
    .map(({ payload }) => JSON.parse(payload.toString()).seq)
  expect(numbers).toEqual(numbers.map((_, i) => startMs + i))
})

test('fleet loses the link of a gateway as a whole, tells the truth of it, and delivers everything behind it', async () => {
  const link = { ...testProfile.link, latencyMs: 50, outageEveryS: 3600, outageLastsS: 900, badToGood: 1 }
  const fleet = fleetOf([{ ...testProfile, name: 'a', count: 4, perGateway: 2, link, flashReports: 10_000 }])
  pass(6 * 3600)
  const outages = of('incident').filter(({ phase }) => phase === 'begin')
  expect(new Set(outages.map(({ devices }) => devices.join()))).toEqual(new Set(['0,1', '2,3']))
  expect(of('incident').every(({ kind }) => kind === 'link-outage')).toBe(true)
  const drained = fleet.drain(4 * 3600_000)
  pass(4 * 3600)
  expect(await drained).toBe(true)
  expect(of('acknowledged').length).toBe(of('report').length)
})
