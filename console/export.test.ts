import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { createSeries } from '../telemetry/point.ts'
import type { ReadingStore, ScanQuery, StoredPoint } from '../telemetry/query.ts'
import { addExport } from './export.ts'

let app: FastifyInstance
let url: string
/** What the store does when it is scanned. */
let scan: (query: ScanQuery) => AsyncIterable<StoredPoint[]>

const many: StoredPoint[] = Array.from({ length: 5_000 }, (_, i) => ({
  series: createSeries('rainfall', [['device', 'd']], 'value'),
  timeNs: BigInt(i),
  value: i,
}))

beforeEach(async () => {
  app = Fastify({ forceCloseConnections: true })
  app.setErrorHandler((error: Error, _request, reply) => reply.status(503).send({ message: error.message }))
  addExport(app, { scan: (query: ScanQuery) => scan(query) } as ReadingStore)
  await app.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/export`
})
afterEach(() => app.close())

test('export says why when the store is away from the beginning', async () => {
  scan = async function* () {
    yield Promise.reject(new Error('the store is away'))
  }
  const response = await fetch(url)
  expect(response.status).toBe(503)
  expect(response.headers.get('content-disposition')).toBeNull()
  expect(await response.json()).toEqual({ message: 'the store is away' })
})

test('export breaks off, so that nobody takes it for whole, when the store goes away', async () => {
  scan = async function* () {
    for (let i = 0; i < 10; i++) yield many
    throw new Error('the store went away')
  }
  const response = await fetch(url)
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toThrow()
})

test('export asks the store for no more than its reader takes, and stops when the reader leaves', async () => {
  let asked = 0
  let hasEnded = false
  scan = async function* () {
    try {
      for (;;) {
        asked++
        yield many
      }
    } finally {
      hasEnded = true
    }
  }
  for (let i = 0; i < 2; i++) {
    // More readers than may be at once, one after another: each gives its place back.
    for (let reader = 0; reader < limits.exportsMax; reader++) {
      hasEnded = false
      asked = 0
      const response = await fetch(url)
      expect(response.status).toBe(200)
      let askedBefore = -1
      await vi.waitFor(
        () => {
          const isSteady = asked === askedBefore
          askedBefore = asked
          expect(isSteady).toBe(true)
        },
        { timeout: 10_000, interval: 100 },
      )
      expect(asked).toBeLessThan(200)
      await response.body?.cancel()
      await vi.waitFor(() => expect(hasEnded).toBe(true), 10_000)
    }
  }
})

test('export is refused while too many run', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  scan = async function* () {
    await held
    yield many
  }
  const running = Array.from({ length: limits.exportsMax }, () => fetch(url))
  await vi.waitFor(async () => {
    const refused = await fetch(url, { signal: AbortSignal.timeout(500) })
    expect(refused.status).toBe(503)
    expect(((await refused.json()) as { message: string }).message).toContain('exports run already')
  }, 10_000)
  release()
  for (const response of await Promise.all(running)) expect((await response.text()).split('\n')).toHaveLength(5_002)
  expect((await fetch(url)).status).toBe(200)
})
