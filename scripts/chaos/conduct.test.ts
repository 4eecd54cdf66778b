import { expect, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { type ConductOptions, conduct } from './conduct.ts'
import type { Fault } from './faults.ts'
import type { Fleet } from './fleet.ts'
import type { World } from './world.ts'

/** Nobody listens at its address. */
const world = { nowMs: () => 1, server: { httpUrl: 'http://127.0.0.1:1', pid: process.pid, log: () => 'its log' } }

function options(faults: Fault[]): ConductOptions {
  return {
    world: world as unknown as World,
    fleet: { acknowledged: () => 0 } as Fleet,
    random: createRandom(1),
    faults,
    forMs: 10_000,
    holdMsMax: 1,
    recoveryMsMax: 50,
    say: () => {},
  }
}

const fault = (more: Partial<Fault>): Fault => ({
  name: 'a fault',
  strikes: 'server',
  lacks: () => null,
  begin: async () => undefined,
  ...more,
})

test('conductor tells the fault and heals everything when another one throws while it holds', async () => {
  let healed = 0
  const holding = fault({ name: 'holds', holdS: [1, 1], begin: async () => ({ heal: () => void healed++ }) })
  const throwing = fault({
    name: 'throws',
    strikes: 'store',
    begin: async () => {
      throw new Error('no such process')
    },
  })
  const { failure, happened } = await conduct({
    ...options([holding, throwing]),
    random: Object.assign(createRandom(1), { below: () => 0, fraction: () => 0, between: () => 1 }),
  })
  expect(failure).toBe('holds, meanwhile throws: no such process')
  expect(happened).toEqual([
    { name: 'holds', atMs: 1, recoveryMs: null },
    { name: 'throws', atMs: 1, recoveryMs: null },
  ])
  expect(healed).toBe(1)
})

test("conductor ends with the fault and the server's last words when it is not recovered from in time", async () => {
  const { failure } = await conduct(options([fault({ name: 'kill' })]))
  expect(failure).toContain('kill: not recovered within 0.05 s')
  expect(failure).toContain('its log')
})

test('conductor ends with the fault when it cannot be healed', async () => {
  const stuck = fault({
    holdS: [1, 1],
    begin: async () => ({
      heal() {
        throw new Error('stuck')
      },
    }),
  })
  const { failure } = await conduct(options([stuck]))
  expect(failure).toBe('a fault: stuck')
})

test('conductor leaves out what cannot happen here, and says why', async () => {
  const { lacking, happened } = await conduct({
    ...options([fault({ name: 'possible' }), fault({ name: 'power cut', lacks: () => 'no disk' })]),
    forMs: 1,
  })
  expect(lacking).toEqual([{ name: 'power cut', why: 'no disk' }])
  expect(happened.every(({ name }) => name === 'possible')).toBe(true)
})
