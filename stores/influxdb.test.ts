import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../telemetry/errors.ts'
import { createSeries, type Point } from '../telemetry/point.ts'
import { openInfluxdb } from './influxdb.ts'
import type { Store } from './store.ts'

let server: Server
let store: Store
/** What the server answers; requests are counted. */
let answer: { status: number; body: string; headers?: { [name: string]: string } }
let requests: number

beforeEach(async () => {
  requests = 0
  server = createServer((request, response) => {
    requests++
    request.resume()
    request.on('end', () => response.writeHead(answer.status, answer.headers).end(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  store = await openInfluxdb({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    org: 'o',
    bucket: 'b',
    token: 't',
    measurements: () => ['rainfall'],
    checkpointPath: join(tmpdir(), 'never-written.json'),
    log: pino({ level: 'silent' }),
  })
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

const points: Point[] = Array.from({ length: 8 }, (_, i) => ({
  series: createSeries('rainfall', [['device', 'd']], 'value'),
  timeNs: BigInt(i),
  value: i,
  position: i,
}))
const json = { 'content-type': 'application/json' }

test.each([
  ['a proxy answers 400', 400, 'Client sent an HTTP request to an HTTPS server.\n', {}],
  ['a proxy answers 413', 413, '<html>too large</html>', {}],
  ['the token is wrong', 401, '{"code":"unauthorized","message":"unauthorized access"}', json],
  ['the bucket is missing', 404, '{"code":"not found","message":"bucket not found"}', json],
  ['the server is busy', 503, '{"code":"unavailable","message":"later"}', json],
])('influxdb keeps every point for later when %s', async (_when, status, body, headers) => {
  answer = { status, body, headers }
  await expect(store.write(points)).rejects.toBeInstanceOf(UnavailableError)
  expect(requests).toBe(1)
})

test('influxdb passes on how long the server wants to be left alone', async () => {
  answer = { status: 429, body: '', headers: { 'retry-after': '7' } }
  await expect(store.write(points)).rejects.toMatchObject({ code: 'http_429', retryAfterMs: 7000 })
})

test.each([
  [400, 'invalid'],
  [422, 'unprocessable entity'],
])('influxdb rejects the points that the server itself calls wrong with %i', async (status, code) => {
  answer = { status, body: JSON.stringify({ code, message: 'field type conflict' }), headers: json }
  const rejections = await store.write(points)
  expect(rejections.map((it) => it.point)).toEqual(points)
  expect(rejections[0]?.reason).toContain('conflict')
})

test('influxdb asks no further when the server says that it dropped every point', async () => {
  const message = `failure writing points to database: partial write: field type conflict dropped=${points.length}`
  answer = { status: 422, body: JSON.stringify({ code: 'unprocessable entity', message }), headers: json }
  expect((await store.write(points)).map((it) => it.point)).toEqual(points)
  expect(requests).toBe(1)
})
