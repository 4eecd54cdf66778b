/** What is asked while a quarter of an hour goes from ingest to the store is neither missed nor counted twice. */
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import type { ReadingStore } from '../telemetry/query.ts'
import { addCompleteness, type OpenRows } from './completeness.ts'

const hourMs = 3_600_000
const nowMs = 500_000 * hourMs
let app: FastifyInstance
afterEach(() => app.close())

/** `looks`: what ingest says, look by look; the last one for ever. `stored`: what the store holds of `received` at each look into it. */
async function ask(looks: OpenRows[], stored: number[]): Promise<{ status: number; received: number | undefined }> {
  let look = 0
  let read = 0
  const store = {
    readings: async ({ channel }: { channel: string }) => {
      if (channel !== 'completeness.received') return []
      return [{ timeMs: nowMs, value: stored[Math.min(read++, stored.length - 1)] }]
    },
  } as unknown as ReadingStore
  app = Fastify()
  addCompleteness(app, { store, openRows: async () => looks[Math.min(look++, looks.length - 1)] as OpenRows })
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
