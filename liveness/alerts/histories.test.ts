/** Random histories of a fleet: what must hold whatever happens. */
import { expect, test } from 'vitest'
import type { AlertRule, Factor } from '../../telemetry/alert.ts'
import type { DeviceState } from '../../telemetry/device.ts'
import { createWorld, hour, minute, offlineRule, ruleOf, t0, type World } from './engine.fake.ts'

const seeds = [Date.now() % 1_000_000, 1, 2, 3]

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Step = (world: World) => void

const rules: AlertRule[] = [
  offlineRule({ name: 'offline', remindMs: hour, escalate: { afterMs: 20 * minute, notify: ['boss'] } }),
  offlineRule({ name: 'night', schedule: { days: [1, 3], fromMinute: 22 * 60, toMinute: 5 * 60 }, forMs: 5 * minute }),
  ruleOf({ kind: 'threshold', channel: 'v', above: null, below: 0.2, clear: 0.4 }, { name: 'low', forMs: minute }),
  ruleOf({ kind: 'rate', channel: 'v', perMs: hour, above: 0.8, below: null, clear: 0.5 }, { name: 'jump' }),
  ruleOf({ kind: 'no-data', channel: 'v', forMs: 2 * hour }, { name: 'silent' }),
  ruleOf({ kind: 'completeness', overMs: 3 * hour, below: 0.7, clear: 0.8 }, { name: 'holes' }),
]

const devices: { [key: string]: Array<[Factor, string]> } = {}
for (const site of ['a', 'b', 'c'])
  for (let i = 0; i < 12; i++)
    devices[`${site}/d${i}`] = [
      ['gateway', `${site}${i % 2}`],
      ['firmware', `${i % 3}`],
    ]
const keys = Object.keys(devices)

function randomHistory(random: () => number): Step[] {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const steps: Step[] = []
  let atMs = t0
  for (let i = 0; i < 500; i++) {
    atMs += Math.floor(random() ** 4 * 10 * minute)
    const nowMs = atMs
    const key = pick(keys)
    const [site = '', device = ''] = key.split('/')
    const kind = random()
    if (kind < 0.4) {
      const state = pick<DeviceState>(['online', 'online', 'offline', 'late', 'lost', 'asleep'])
      const isAlerting = (state === 'offline' && random() < 0.8) || state === 'lost'
      steps.push((world) => world.state(key, state, nowMs, { isAlerting, intervalMs: 10 * minute }))
    } else if (kind < 0.45) {
      const [itsSite, gateway] = [pick(['a', 'b', 'c']), pick([0, 1])]
      const state = pick<DeviceState>(['offline', 'online'])
      for (const [j, member] of keys.entries())
        if (member.startsWith(itsSite) && j % 2 === gateway) steps.push((world) => world.state(member, state, nowMs))
    } else if (kind < 0.85) {
      const value = random()
      steps.push((world) => world.value(key, 'v', value, nowMs))
    } else if (kind < 0.9) {
      const received = Math.floor(random() * 11)
      const hourMs = Math.floor(nowMs / hour) * hour
      steps.push((world) => world.engine.completeness({ site, device }, hourMs, { expected: 10, received }, nowMs))
    } else if (kind < 0.97) {
      const [which, act] = [random(), pick(['acknowledge', 'mute', 'unmute'] as const)]
      steps.push((world) => {
        const standing = world.standing()
        const id = standing[Math.floor(which * standing.length)]?.id ?? ''
        if (act === 'acknowledge') world.engine.acknowledge(id, 'ann', '')
        else if (act === 'mute') world.engine.mute(id, 'ann', nowMs + hour)
        else world.engine.unmute(id, 'ann')
      })
    } else {
      const window = { site: pick(['', 'a']), device, fromMs: nowMs, toMs: nowMs + hour, by: 'bob', note: '' }
      steps.push((world) => world.engine.maintenance.add(window))
    }
  }
  steps.push((world) => world.engine.advance(atMs + 5 * hour))
  return steps
}

test.each(seeds)('a restart anywhere changes nothing of what is told and listed (seed %i)', (seed) => {
  const random = createRandom(seed)
  const steps = randomHistory(random)
  const [straight, restarted] = [createWorld(rules, devices), createWorld(rules, devices)]
  for (const step of steps) {
    step(straight)
    if (random() < 0.05) restarted.restart()
    step(restarted)
  }
  expect(straight.told.length).toBeGreaterThan(30)
  expect(restarted.told).toEqual(straight.told)
  expect(restarted.changes).toEqual(straight.changes)
  expect(restarted.engine.list()).toEqual(straight.engine.list())
  expect(restarted.engine.audit()).toEqual(straight.engine.audit())
})

test.each(seeds)('time that is told in small steps and at once makes the same alerts (seed %i)', (seed) => {
  const random = createRandom(seed)
  const steps = randomHistory(random)
  const [straight, ticked] = [createWorld(rules, devices), createWorld(rules, devices)]
  for (const step of steps) {
    step(straight)
    // Wall time goes no further than to what comes next.
    const dueMs = ticked.engine.dueMs() ?? 0
    const untilMs = straight.engine.nowMs()
    if (dueMs < untilMs && random() < 0.5) ticked.engine.advance(dueMs + Math.floor(random() * (untilMs - dueMs)))
    step(ticked)
  }
  expect(ticked.told).toEqual(straight.told)
})

test.each(seeds)('what is told is told in pairs, and nothing of what is over stands (seed %i)', (seed) => {
  const world = createWorld(rules, devices)
  for (const step of randomHistory(createRandom(seed))) step(world)
  const open = new Map<string, Set<string>>()
  for (const { to, kind, alert } of world.told) {
    const told = open.get(alert.id) ?? new Set()
    open.set(alert.id, told)
    if (kind === 'fired') expect(told.size === 0 || !told.has(to)).toBe(true)
    if (kind === 'reminder') expect(told.has(to)).toBe(true)
    if (kind === 'resolved') {
      expect(told.delete(to)).toBe(true)
      if (told.size === 0) open.delete(alert.id)
    } else told.add(to)
  }
  const standing = new Set(world.standing().map(({ id }) => id))
  for (const id of open.keys()) expect(standing.has(id)).toBe(true)
})

/** Outages of gateways, sites and single devices, far enough from each other to be told apart, with reconnects that are none. */
test.each(seeds)('one outage makes one alert, and each outage one (seed %i)', (seed) => {
  const random = createRandom(seed)
  const world = createWorld([offlineRule()], devices)
  let outages = 0
  let atMs = t0
  for (let i = 0; i < 60; i++) {
    atMs += hour
    const kind = random()
    const site = ['a', 'b', 'c'][Math.floor(random() * 3)] as string
    const gateway = Math.floor(random() * 2)
    const single = keys[Math.floor(random() * keys.length)] as string
    const hit =
      kind < 0.4
        ? [single]
        : keys.filter((key, j) => key.startsWith(site) && (kind > 0.7 || j % 2 === gateway) && random() < 0.97)
    // A takeover: gone and back before anybody could notice.
    world.state(keys[i % keys.length] as string, 'offline', atMs - 10 * minute)
    world.state(keys[i % keys.length] as string, 'online', atMs - 10 * minute + Math.floor(random() * 150))
    const spreadMs = random() < 0.5 ? 90 : 140
    const fails = hit.map((key) => [atMs + Math.floor(random() * spreadMs), key] as const).sort(([a], [b]) => a - b)
    for (const [failsMs, key] of fails) world.state(key, 'offline', failsMs)
    world.engine.advance(atMs + 10 * minute)
    const told = world.told.filter((it) => it.kind === 'fired')
    expect(told.length, `outage ${i} of ${hit.length}: ${told.map(({ alert }) => alert.title).join('; ')}`).toBe(
      ++outages,
    )
    const returns = hit.map((key) => [atMs + 20 * minute + Math.floor(random() * 30_000), key] as const)
    for (const [backMs, key] of returns.sort(([a], [b]) => a - b)) world.state(key, 'online', backMs)
  }
  world.engine.advance(atMs + hour)
  expect(world.told.filter((it) => it.kind === 'resolved')).toHaveLength(outages)
  expect(world.standing()).toEqual([])
})
