/** What is asked while a quarter of an hour goes from ingest to the store is neither missed nor counted twice; what is missing has a fault. */
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import type { ReadingStore } from '../telemetry/query.ts'
import { addCompleteness, type OpenRows } from './completeness.ts'
import type { FaultSources } from './fault-evidence.ts'

const hourMs = 3_600_000
const nowMs = 490_000 * hourMs
const noFaults = { outages: () => [], rejectedAtMs: () => [], everyMsOf: () => null }
let app: FastifyInstance
afterEach(() => app.close())

/** `looks`: what ingest says, look by look; the last one for ever. `stored`: what the store holds of `received` at each look into it. */
async function ask(
  looks: Array<Omit<OpenRows, 'isNumbered'>>,
  stored: number[],
): Promise<{ status: number; received: number | undefined }> {
  let look = 0
  let read = 0
  const store = {
    readings: async ({ channel }: { channel: string }) => {
      if (channel !== 'completeness.received') return []
      return [{ timeMs: nowMs, value: stored[Math.min(read++, stored.length - 1)] }]
    },
  } as unknown as ReadingStore
  app = Fastify()
  const openRows = async () => ({ isNumbered: true, ...looks[Math.min(look++, looks.length - 1)] }) as OpenRows
  addCompleteness(app, { store, openRows, faults: noFaults })
  const range = `from=${new Date(nowMs).toISOString()}&to=${new Date(nowMs + 1).toISOString()}`
  const answer = await app.inject(`/api/completeness?device=d&${range}`)
  return { status: answer.statusCode, received: answer.json()[0]?.received }
}

const row = (received: number) => ({ hour: nowMs / hourMs, counts: [received, received, 0, 0, 0] })

test('completeness adds what is open to what is stored when nothing moves', async () => {
  expect(await ask([{ rows: [row(2)], version: 4 }], [5])).toEqual({ status: 200, received: 7 })
})

test('completeness looks again when rows came to the store meanwhile', async () => {
  const before = { rows: [row(2)], version: 4 }
  const after = { rows: [], version: 5 }
  expect(await ask([before, after], [7])).toEqual({ status: 200, received: 7 })
})

test('completeness waits while rows are on their way', async () => {
  const under = { rows: [row(2)], version: null }
  expect(await ask([under, under, { rows: [], version: 5 }], [7])).toEqual({ status: 200, received: 7 })
})

test('completeness says that it is busy when rows never arrive', async () => {
  expect(await ask([{ rows: [], version: null }], [0])).toMatchObject({ status: 503 })
})

type Known = {
  rows: Array<[at: number, counts: number[]]>
  states: Array<[atMs: number, state: string]>
  isNumbered: boolean
  faults?: Partial<FaultSources>
  hours: number
}

/** Hours, rows and states count from nowMs on. */
async function hoursOf({
  rows,
  states,
  isNumbered,
  faults,
  hours,
}: Known): Promise<Array<{ [field: string]: unknown }>> {
  const points = states.map(([atMs, value]) => ({ timeMs: nowMs + atMs, value }))
  const store = {
    async readings(asked: { channel: string; fromMs: number; toMs: number }, rowsMax: number, end = 'first') {
      if (asked.channel !== 'device_state.state') return []
      const within = points.filter(({ timeMs }) => timeMs >= asked.fromMs && timeMs <= asked.toMs)
      return end === 'first' ? within.slice(0, rowsMax) : within.slice(-rowsMax)
    },
  } as unknown as ReadingStore
  app = Fastify()
  const open = rows.map(([at, counts]) => ({ hour: nowMs / hourMs + at, counts }))
  addCompleteness(app, {
    store,
    openRows: async () => ({ rows: open, version: 1, isNumbered }),
    faults: { ...noFaults, ...faults },
  })
  return (await app.inject(`/api/completeness?device=d&from=${nowMs}&to=${nowMs + hours * hourMs - 1}`)).json()
}

const none = { asleep: 0, network: 0, rejected: 0, us: 0, unknown: 0 }

test('completeness gives each missing report its fault by the state before the range and our outages', async () => {
  const answer = await hoursOf({
    rows: [
      [0, [60, 50, 0, 0, 10]],
      [1, [60, 40, 0, 0, 20]],
    ],
    states: [[-5 * hourMs, 'online']],
    isNumbered: true,
    faults: {
      outages: () => [{ fromMs: nowMs + hourMs, toMs: nowMs + 1.25 * hourMs }],
      rejectedAtMs: () => [nowMs + 5],
    },
    hours: 2,
  })
  expect(answer.map((hour) => hour.faults)).toEqual([
    { ...none, network: 9, rejected: 1 },
    { ...none, network: 5, us: 15 },
  ])
})

test('completeness expects by the interval when reports carry no sequence, in hours without any too', async () => {
  const answer = await hoursOf({
    rows: [[0, [6, 6, 0, 0, 0]]],
    states: [
      [-hourMs, 'online'],
      [hourMs, 'asleep'],
      [2 * hourMs, 'offline'],
    ],
    isNumbered: false,
    faults: { everyMsOf: () => 600_000 },
    hours: 3,
  })
  expect(answer.map(({ expected, missing, faults }) => ({ expected, missing, faults }))).toEqual([
    { expected: 6, missing: 0, faults: none },
    { expected: 6, missing: 6, faults: { ...none, asleep: 6 } },
    { expected: 6, missing: 6, faults: { ...none, network: 6 } },
  ])
})

test('completeness trusts the sequence and not the interval when reports are numbered', async () => {
  const known = { rows: [[0, [3, 3, 0, 0, 0]]] as Known['rows'], states: [], isNumbered: true, hours: 4 }
  const answer = await hoursOf({ ...known, faults: { everyMsOf: () => 60_000 } })
  expect(answer).toMatchObject([{ expected: 3, missing: 0, faults: none }])
})

test('completeness answers nothing when a device with an interval was never heard', async () => {
  expect(
    await hoursOf({ rows: [], states: [], isNumbered: false, faults: { everyMsOf: () => 1000 }, hours: 4 }),
  ).toEqual([])
})
