import { expect, test } from 'vitest'
import type { Factor } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import { createWorld, hour, minute, offlineRule, ruleOf, t0 } from './engine.fake.ts'

/** `count` devices at the site, all with these factors. */
const fleet = (site: string, count: number, factors: Array<[Factor, string]>, first = 0) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${site}/d${first + i}`, factors]))

const gateway = (name: string): Array<[Factor, string]> => [['gateway', name]]

/** Gateways 7 and 8 at one site of 100, another site. */
const twoGateways = {
  ...fleet('a', 40, gateway('7')),
  ...fleet('a', 60, gateway('8'), 40),
  ...fleet('b', 30, gateway('9')),
}

test('a gateway that fails makes one alert, which says how many of how many, and is over when most are back', () => {
  const world = createWorld([offlineRule()], twoGateways)
  for (let i = 0; i < 38; i++) world.state(`a/d${i}`, 'offline', t0 + i)
  world.engine.advance(t0 + minute)
  const told = world.heard()
  expect(told).toHaveLength(1)
  expect(told[0]).toMatch(/^ops fired \+\d+: 38 of 40 on gateway 7 are silent$/)
  expect(Number(/\+(\d+)/.exec(told[0] as string)?.[1])).toBeLessThanOrEqual(
    38 + limits.waveSettleMs + limits.waveWaitMs,
  )
  const standing = world.standing()
  expect(standing.filter(({ suppressed }) => suppressed === 'group')).toHaveLength(38)
  const [group] = standing.filter(({ suppressed }) => suppressed === null)
  expect(group).toMatchObject({ subject: { kind: 'group', factor: 'gateway', name: '7', silent: 38, of: 40 } })
  expect(group?.devices).toHaveLength(38)
  for (let i = 0; i < 19; i++) world.state(`a/d${i}`, 'online', t0 + hour)
  expect(world.heard()).toEqual([])
  world.state('a/d19', 'online', t0 + hour)
  expect(world.heard()).toEqual([`ops resolved +${hour}: 38 of 40 on gateway 7 are silent`])
  for (let i = 20; i < 38; i++) world.state(`a/d${i}`, 'online', t0 + hour + 30_000)
  world.engine.advance(t0 + 2 * hour)
  expect(world.heard()).toEqual([])
  expect(world.standing()).toEqual([])
})

test('those that stay away when the others are back get their own alert, after their own interval', () => {
  const world = createWorld([offlineRule()], twoGateways)
  for (let i = 0; i < 38; i++) world.state(`a/d${i}`, 'offline', t0, { intervalMs: 10 * minute })
  world.engine.advance(t0 + minute)
  world.heard()
  for (let i = 1; i < 38; i++) world.state(`a/d${i}`, 'online', t0 + hour + i)
  expect(world.heard()).toHaveLength(1)
  world.engine.advance(t0 + hour + 11 * minute)
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + hour + 14 * minute)
  expect(world.heard()).toMatchObject([expect.stringContaining('a/d0 is offline')])
  world.state('a/d0', 'online', t0 + 2 * hour)
  expect(world.heard()).toEqual([`ops resolved +${2 * hour}: a/d0 is offline`])
})

test('a whole site that is silent is one alert though each of its gateways is silent too', () => {
  const world = createWorld([offlineRule()], twoGateways)
  for (let i = 0; i < 99; i++) world.state(`a/d${i}`, 'offline', t0 + i)
  world.engine.advance(t0 + minute)
  expect(world.heard()).toMatchObject([expect.stringContaining('99 of 100 at site a are silent')])
})

test('two sites that fail at once are two alerts while others are well, and one when nobody is', () => {
  const sites = ['a', 'b', 'c', 'd', 'e']
  const world = createWorld([offlineRule()], Object.assign({}, ...sites.map((site) => fleet(site, 20, []))))
  const fail = (site: string, atMs: number) => {
    for (let i = 0; i < 20; i++) world.state(`${site}/d${i}`, 'offline', atMs)
  }
  fail('a', t0)
  fail('b', t0 + 3)
  world.engine.advance(t0 + minute)
  expect(world.heard().map((line) => line.split(': ')[1])).toEqual([
    '20 of 20 at site a are silent',
    '20 of 20 at site b are silent',
  ])

  const everywhere = createWorld([offlineRule()], Object.assign({}, ...sites.map((site) => fleet(site, 20, []))))
  for (const site of sites) for (let i = 0; i < 20; i++) everywhere.state(`${site}/d${i}`, 'offline', t0 + i)
  everywhere.engine.advance(t0 + minute)
  expect(everywhere.heard()).toMatchObject([
    expect.stringContaining('100 of 100 everywhere are silent: the cause may be on our side'),
  ])
})

test('a firmware that fails across sites is named, and devices of others are not blamed on it', () => {
  const devices: { [key: string]: Array<[Factor, string]> } = {}
  for (const site of ['a', 'b', 'c', 'd'])
    for (let i = 0; i < 10; i++) devices[`${site}/d${i}`] = [['firmware', i < 3 ? '2.0' : '1.9']]
  const world = createWorld([offlineRule()], devices)
  for (const site of ['a', 'b', 'c', 'd']) for (let i = 0; i < 3; i++) world.state(`${site}/d${i}`, 'lost', t0)
  world.engine.advance(t0 + minute)
  expect(world.heard()).toMatchObject([expect.stringContaining('12 of 12 with firmware 2.0 are silent')])
})

test('devices that were silent long before count neither as silent nor as well', () => {
  const world = createWorld([offlineRule()], fleet('a', 10, []))
  // One after another, so each was told by itself.
  for (let i = 0; i < 5; i++) world.state(`a/d${i}`, 'offline', t0 + i * hour)
  world.engine.advance(t0 + 6 * hour)
  expect(world.heard()).toHaveLength(5)
  for (let i = 5; i < 9; i++) world.state(`a/d${i}`, 'offline', t0 + 6 * hour)
  world.engine.advance(t0 + 7 * hour)
  expect(world.heard()).toMatchObject([expect.stringContaining('4 of 5 at site a are silent')])
})

test('sleepers whose lateness is spread over their interval make one alert when they are lost', () => {
  const intervalMs = 10 * minute
  const world = createWorld([offlineRule()], { ...fleet('a', 40, gateway('7')), ...fleet('b', 100, []) })
  const events: Array<[atMs: number, run: () => void]> = []
  for (let i = 0; i < 40; i++) {
    const lastMs = t0 - (i * intervalMs) / 40
    for (const [state, afterMs] of [
      ['late', 1.2],
      ['lost', 3.2],
    ] as const) {
      const atMs = Math.round(lastMs + afterMs * intervalMs)
      events.push([atMs, () => world.state(`a/d${i}`, state, atMs, { intervalMs })])
    }
  }
  for (const [, run] of events.sort(([a], [b]) => a - b)) run()
  world.engine.advance(t0 + 2 * hour)
  expect(world.heard()).toMatchObject([expect.stringContaining('40 of 40 on gateway 7 are silent')])
  for (let i = 0; i < 40; i++) world.state(`a/d${i}`, 'online', t0 + 2 * hour + (i * intervalMs) / 40)
  world.engine.advance(t0 + 4 * hour)
  expect(world.heard()).toHaveLength(1)
})

test('keep-alives that run out one after another are few alerts, not forty', () => {
  const world = createWorld([offlineRule()], { ...fleet('a', 40, gateway('7')), ...fleet('b', 400, []) })
  for (let i = 0; i < 40; i++) world.state(`a/d${i}`, 'offline', t0 + i * 1_500)
  world.engine.advance(t0 + hour)
  const told = world.heard()
  expect(told.filter((line) => line.includes('on gateway 7'))).toHaveLength(1)
  expect(told.length).toBeLessThanOrEqual(8)
})

test('an alert that waits for a wave which does not come is told when it has waited', () => {
  const world = createWorld([offlineRule()], fleet('a', 12, []))
  for (let i = 0; i < 3; i++) world.state(`a/d${i}`, 'offline', t0)
  world.engine.advance(t0 + limits.waveHoldMsMax)
  expect(world.heard()).toEqual([])
  world.engine.advance(t0 + limits.alertGraceMs + limits.waveHoldMsMax)
  expect(world.heard()).toHaveLength(3)
})

test('a silence that was noticed late waits for others where there are some, and a device alone is told of at once', () => {
  const world = createWorld([offlineRule()], { ...fleet('a', 50, []), ...fleet('b', 1, []), ...fleet('c', 200, []) })
  world.state('b/d0', 'lost', t0)
  for (let i = 0; i < 40; i++) world.state(`a/d${i}`, 'offline', t0 + 1_000 + i * 1_400)
  world.engine.advance(t0 + 3 * minute)
  expect(world.heard()).toEqual([
    `ops fired +${limits.alertGraceMs}: b/d0 is lost`,
    expect.stringContaining('at site a are silent'),
  ])
})

test('a gateway that comes and goes is damped as one', () => {
  const world = createWorld([offlineRule()], { ...fleet('a', 10, gateway('7')), ...fleet('b', 100, []) })
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 10; i++) world.state(`a/d${i}`, 'offline', t0 + round * minute)
    for (let i = 0; i < 10; i++) world.state(`a/d${i}`, 'online', t0 + round * minute + 30_000)
  }
  const told = world.heard()
  expect(told).toHaveLength(11)
  expect(told.at(-1)).toContain('flapping, 6 times in 15min: 10 of 10 on gateway 7 are silent')
  world.engine.advance(t0 + hour)
  expect(world.heard()).toMatchObject([expect.stringContaining('ops resolved')])
  expect(world.standing()).toEqual([])
})

test('missing data of devices whose gateway failed is not told beside the outage', () => {
  const rules = [offlineRule(), ruleOf({ kind: 'no-data', channel: '', forMs: hour }, { name: 'no data' })]
  const world = createWorld(rules, { ...fleet('a', 10, gateway('7')), ...fleet('b', 100, []) })
  for (let i = 0; i < 10; i++) world.value(`a/d${i}`, 'rain', 1, t0 - minute)
  for (let i = 0; i < 10; i++) world.state(`a/d${i}`, 'offline', t0)
  world.engine.advance(t0 + 3 * hour)
  expect(world.heard()).toHaveLength(1)
  for (let i = 0; i < 10; i++) {
    world.state(`a/d${i}`, 'online', t0 + 4 * hour)
    world.value(`a/d${i}`, 'rain', 1, t0 + 4 * hour + 1)
  }
  world.engine.advance(t0 + 4.5 * hour)
  expect(world.heard()).toMatchObject([expect.stringContaining('resolved')])
  expect(world.standing()).toEqual([])
})

test('a rule about one device tells of it by its name, whatever falls silent with it', () => {
  const world = createWorld([offlineRule({ device: 'd3' })], fleet('a', 10, []))
  for (let i = 0; i < 10; i++) world.state(`a/d${i}`, 'offline', t0)
  world.engine.advance(t0 + minute * 2)
  expect(world.heard()).toMatchObject([expect.stringContaining('a/d3 is offline')])
})

test('connections that break one after the other are told of one by one and at once, until most of what they share is silent', () => {
  const world = createWorld([offlineRule()], fleet('a', 10, gateway('7')))
  const told: string[] = []
  for (let i = 0; i < 7; i++) {
    world.state(`a/d${i}`, 'offline', t0 + i * 1000, { isCut: true })
    world.engine.advance(t0 + i * 1000 + limits.alertGraceMs)
    told.push(...world.heard())
  }
  expect(told.slice(0, 5)).toEqual(
    [0, 1, 2, 3, 4].map((i) => `ops fired +${i * 1000 + limits.alertGraceMs}: a/d${i} is offline`),
  )
  expect(told.slice(5)).toEqual([expect.stringContaining('6 of 10 on gateway 7 are silent')])
})

test('three connections that break at once are waited for until the wave has settled, and a lone one among many is not', () => {
  const world = createWorld([offlineRule()], { ...fleet('a', 4, gateway('7')), ...fleet('b', 200, gateway('9')) })
  for (let i = 0; i < 3; i++) world.state(`a/d${i}`, 'offline', t0 + i, { isCut: true })
  world.state('b/d0', 'offline', t0 + 2, { isCut: true })
  world.engine.advance(t0 + 2 + limits.alertGraceMs)
  expect(world.heard()).toEqual([`ops fired +${2 + limits.alertGraceMs}: b/d0 is offline`])
  world.engine.advance(t0 + limits.waveSettleMsMax)
  expect(world.heard()).toMatchObject([expect.stringContaining('3 of 4 on gateway 7 are silent')])
})

test('a great many connections that break over five seconds in any order are one alert', () => {
  const world = createWorld(
    [offlineRule()],
    Object.assign({}, ...[...'abcdefghij'].map((site) => fleet(site, 100, gateway(site)))),
  )
  for (let i = 0; i < 1000; i++) {
    const nth = (i * 389) % 1000
    world.state(`${'abcdefghij'[nth % 10]}/d${Math.floor(nth / 10)}`, 'offline', t0 + 5 * i, { isCut: true })
  }
  world.engine.advance(t0 + minute)
  expect(world.heard()).toEqual([expect.stringContaining('everywhere are silent')])
})
