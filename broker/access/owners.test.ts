import { beforeEach, expect, test } from 'vitest'
import { deferred } from '../../telemetry/deferred.ts'
import { limits } from '../../telemetry/limits.ts'
import { anonymous, type Identity, type Owner, operator, shared } from './identity.ts'
import { createOwners } from './owners.ts'

let kept: Map<string, Owner>
let fallen: Set<string>
let discarded: string[]
let gate: Promise<void>
beforeEach(() => {
  kept = new Map()
  fallen = new Set()
  discarded = []
  gate = Promise.resolve()
})

const create = () =>
  createOwners({
    kept,
    stands: ({ credential }) => !fallen.has(credential),
    isConnected: () => false,
    async discard(clientId) {
      await gate
      discarded.push(clientId)
    },
  })
const device = (name: string, credential = `c-${name}`): Identity => {
  const [site = null, own = ''] = name.includes('/') ? name.split('/') : [null, name]
  return { kind: 'device', account: `device ${name}`, credential, device: { site, device: own } }
}

test('a session goes on for the same account and credential', async () => {
  const owners = create()
  await owners.take('gauge-7', device('gauge-7'), true)
  discarded = []
  await owners.take('gauge-7', device('gauge-7'), true)
  expect(discarded).toEqual([])
})

test.each([
  ['another credential whose predecessor has fallen', device('gauge-7', 'new'), true, ['gauge-7']],
  ['another credential while its predecessor stands', device('gauge-7', 'new'), false, []],
  ['another account', operator('ann'), false, ['gauge-7']],
])('a session is discarded or goes on for %s', async (_, next, isFallen, expected) => {
  const owners = create()
  await owners.take('gauge-7', device('gauge-7'), true)
  discarded = []
  if (isFallen) fallen.add('c-gauge-7')
  await owners.take('gauge-7', next, true)
  expect(discarded).toEqual(expected)
  expect(kept.get('gauge-7')).toEqual({ account: next.account, credential: next.credential })
})

test('a device finds no session that nobody is known to own, everybody does', async () => {
  const owners = create()
  await owners.take('x', anonymous, true)
  await owners.take('x', shared, true)
  expect(discarded).toEqual([])
  await owners.take('x', device('x'), true)
  expect(discarded).toEqual(['x'])
  expect(kept.size).toBe(1)
})

test('an identifier is foreign while the other account stands, unless the name says whose it is', () => {
  const owners = create()
  const [mine, other, short] = [device('home/gauge-7-2'), device('home/gauge-7'), device('barn/gauge-7-2')]
  kept.set('gauge-7-2', other)
  expect(owners.isForeign('gauge-7-2', mine, null)).toBe(false)
  kept.set('gauge-7-2', mine)
  expect(owners.isForeign('gauge-7-2', other, null)).toBe(true)
  expect(owners.isForeign('gauge-7-2', short, null)).toBe(true)
  expect(owners.isForeign('gauge-7-2', anonymous, null)).toBe(true)
  expect(owners.isForeign('gauge-7-2', operator('ann'), null)).toBe(true)
  kept.clear()
  expect(owners.isForeign('gauge-7-2', other, mine)).toBe(true)
  expect(owners.isForeign('gauge-7-2', mine, other)).toBe(false)
  fallen.add(mine.credential)
  expect(owners.isForeign('gauge-7-2', other, mine)).toBe(false)
})

test('a fleet that leaves the shared account takes its identifiers along', () => {
  const owners = create()
  expect(owners.isForeign('gauge-7_ab', device('gauge-7'), shared)).toBe(false)
  expect(owners.isForeign('gauge-7_ab', device('gauge-7'), anonymous)).toBe(false)
})

test('sessions of fallen owners are discarded, also those of a life before', async () => {
  kept.set('gauge-7', device('gauge-7'))
  kept.set('gauge-8', device('gauge-8'))
  fallen.add('c-gauge-7')
  const owners = create()
  await owners.discardFallen()
  expect(discarded).toEqual(['gauge-7'])
  expect([...kept.keys()]).toEqual(['gauge-8'])
})

test('a new session begins behind the end of the old one when both come at once', async () => {
  const owners = create()
  await owners.take('gauge-7', device('gauge-7'), true)
  discarded = []
  fallen.add('c-gauge-7')
  const wait = deferred()
  gate = wait.promise
  const ending = owners.discardFallen()
  const taking = owners.take('gauge-7', device('gauge-7', 'new'), true).then(() => discarded.push('taken'))
  wait.resolve()
  await Promise.all([ending, taking])
  expect(discarded).toEqual(['gauge-7', 'gauge-7', 'taken'])
  expect(kept.get('gauge-7')?.credential).toBe('new')
})

test('an account has no more sessions than the limit, the oldest is discarded', async () => {
  const owners = create()
  for (let i = 0; i <= limits.sessionsPerAccountMax; i++) await owners.take(`gauge-7_${i}`, device('gauge-7'), true)
  expect(kept.size).toBe(limits.sessionsPerAccountMax)
  expect(kept.has('gauge-7_0')).toBe(false)
  expect(discarded.at(-1)).toBe('gauge-7_0')
  // A clean session is none.
  await owners.take('gauge-7_1', device('gauge-7'), false)
  expect(kept.has('gauge-7_1')).toBe(false)
})
