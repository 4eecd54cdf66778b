import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deferred } from '../telemetry/deferred.ts'
import { limits } from '../telemetry/limits.ts'
import { lifeCycle, MessageKind } from '../telemetry/message.ts'
import { type QuarantineEntry, toEntry } from '../telemetry/quarantine.ts'
import { addQuarantine, type Preview } from './quarantine.ts'

const entry = (
  position: number,
  topic = 'a/b',
  payload = Buffer.from('x'),
  code: 'bad_value' | 'no_route' = 'bad_value',
) =>
  toEntry(
    { ...lifeCycle(MessageKind.publish, 'c', 1, topic), payload, position, ordinal: 1, receivedAtUs: 1.7e15 },
    { code, reason: 'because', configVersion: '0badcafe', decidedAt: position },
  )

let entries: QuarantineEntry[]
let asked: Array<unknown>
let replayed: string[]
let preview: (entry: QuarantineEntry) => Preview
let replay: (entries: QuarantineEntry[]) => Promise<number>
let app: FastifyInstance

beforeEach(() => {
  entries = [entry(300, 'b/c', Buffer.from([0, 255])), entry(200, 'a/c', Buffer.from('y'), 'no_route'), entry(100)]
  asked = []
  replayed = []
  preview = ({ id }) => (id === '200' ? { code: 'no_route', detail: 'none' } : { points: [`rain v=${id}`], notes: [] })
  replay = async (all) => {
    replayed.push(...all.map((it) => it.id))
    return all.length
  }
  app = Fastify({ ajv: { customOptions: { removeAdditional: false } } })
  addQuarantine(app, {
    view: {
      get: (id) => entries.find((it) => it.id === id),
      list(count, choice = {}) {
        asked.push([count, choice])
        const { code, matches = () => true, before = Infinity } = choice
        const chosen = entries.filter(
          (it) => (!code || it.code === code) && matches(it.topic) && Number(it.id) < before,
        )
        return chosen.slice(0, count)
      },
      counts: () => ({ bad_value: 2, no_route: 1 }),
    },
    preview: (it) => preview(it),
    replay: (all) => replay(all),
  })
})
afterEach(() => app.close())

const get = (url: string) => app.inject({ url })
const idsOf = async (url: string) => (await get(url)).json<QuarantineEntry[]>().map((it) => it.id)
const post = (payload: unknown, headers: { [name: string]: string } = {}) =>
  app.inject({
    method: 'POST',
    url: '/api/quarantine/replay',
    headers: { 'content-type': 'application/json', host: '127.0.0.1:8080', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

test('quarantine lists whole entries by code, topic, place and number', async () => {
  expect((await get('/api/quarantine?limit=1')).json()).toEqual([entries[0]])
  expect(await idsOf('/api/quarantine')).toEqual(['300', '200', '100'])
  expect(await idsOf('/api/quarantine?code=no_route')).toEqual(['200'])
  expect(await idsOf('/api/quarantine?topic=a/')).toEqual(['200', '100'])
  expect(await idsOf('/api/quarantine?topic=%2B/c')).toEqual(['300', '200'])
  expect(await idsOf('/api/quarantine?before=300&limit=1')).toEqual(['200'])
  expect(await idsOf('/api/quarantine?ids=100')).toEqual(['100'])
  expect(await idsOf('/api/quarantine?ids=100&ids=7&ids=300')).toEqual(['300', '100'])
  expect((await get('/api/quarantine/codes')).json()).toEqual({ bad_value: 2, no_route: 1 })
})

test.each([
  'limit=0',
  'code=nonsense',
  'before=x',
  'before=-1',
  'topic=a/%7Bb',
  'topics=a',
  `topic=${'a'.repeat(2000)}`,
])('quarantine answers 400 when %s is asked', async (query) => {
  expect((await get(`/api/quarantine?${query}`)).statusCode).toBe(400)
  expect(asked).toEqual([])
})

test('quarantine gives one entry, and its bytes as a file that no browser acts out', async () => {
  expect((await get('/api/quarantine/300')).json()).toEqual(entries[0])
  const { headers, rawPayload } = await get('/api/quarantine/300/payload')
  expect(rawPayload).toEqual(Buffer.from([0, 255]))
  expect(headers['content-type']).toBe('application/octet-stream')
  expect(headers['content-disposition']).toBe('attachment; filename="quarantine-300.bin"')
  for (const path of ['301', '301/payload']) {
    const answer = await get(`/api/quarantine/${path}`)
    expect([answer.statusCode, answer.json().message]).toEqual([404, 'no message 301 is in the quarantine'])
  }
  for (const path of ['x', '..%2f..%2fetc', '1%0d%0aa:b/payload']) {
    expect((await get(`/api/quarantine/${path}`)).statusCode).toBe(400)
  }
})

test('quarantine is downloaded as lines of JSON', async () => {
  const { headers, body } = await get('/api/quarantine.jsonl')
  expect(headers['content-type']).toBe('application/x-ndjson')
  expect(headers['content-disposition']).toContain('attachment')
  expect(body.endsWith('\n')).toBe(true)
  expect(
    body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(entries)
})

test('dry run answers points or the problem of each, the oldest first, and replays nothing', async () => {
  const answer = await post({ dryRun: true })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toEqual({
    previews: [
      { id: '100', topic: 'a/b', points: ['rain v=100'], notes: [] },
      { id: '200', topic: 'a/c', code: 'no_route', detail: 'none' },
      { id: '300', topic: 'b/c', points: ['rain v=300'], notes: [] },
    ],
    remaining: 0,
    unknown: [],
  })
  expect(replayed).toEqual([])
})

test('dry run is bounded by the number of messages and by what they say', async () => {
  entries = Array.from({ length: limits.quarantinePreviewsMax + 5 }, (_, i) => entry(i))
  const many = (await post({ dryRun: true })).json()
  expect([many.previews.length, many.remaining]).toEqual([limits.quarantinePreviewsMax, 5])
  preview = () => ({ points: ['x'.repeat(limits.quarantinePreviewCharsMax / 2)], notes: [] })
  const long = (await post({ dryRun: true })).json()
  expect([long.previews.length, long.remaining]).toEqual([2, limits.quarantinePreviewsMax + 3])
})

test.each([
  [{ ids: ['300', '100', '300'] }, ['100', '300'], []],
  [{ ids: ['100', '7'] }, ['100'], ['7']],
  [{ ids: [] }, [], []],
  [{ ids: ['100', '200'], code: 'no_route' }, ['200'], []],
  [{ code: 'bad_value' }, ['100', '300'], []],
  [{ topic: 'a/' }, ['100', '200'], []],
  [{ topic: '+/c', code: 'no_route' }, ['200'], []],
  [{}, ['100', '200', '300'], []],
])('replay of %j takes %j, the oldest first', async (body, wanted, unknown) => {
  const answer = await post(body)
  expect(answer.statusCode).toBe(202)
  expect(answer.json()).toEqual({ replayed: wanted.length, remaining: 0, unknown })
  expect(replayed).toEqual(wanted)
})

test('replay says how many remain when the journal has no room for all', async () => {
  replay = async () => 1
  expect((await post({})).json()).toEqual({ replayed: 1, remaining: 2, unknown: [] })
})

test('replay answers 409 while another is on its way, and is free again when that failed', async () => {
  const journal = deferred()
  const begun = deferred()
  replay = () => {
    begun.resolve()
    return journal.promise.then(() => 0)
  }
  const first = Promise.resolve(post({}))
  await begun.promise
  expect((await post({})).statusCode).toBe(409)
  expect((await post({ dryRun: true })).statusCode).toBe(200)
  journal.reject(new Error('disk'))
  expect((await first).statusCode).toBe(500)
  replay = async () => 3
  expect((await post({})).statusCode).toBe(202)
})

test.each([
  { origin: 'http://evil.example' },
  { origin: 'http://127.0.0.1:9090' },
  { origin: 'null' },
  { origin: '' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:8080' },
])('replay is refused when a page of another origin asks: %j', async (headers) => {
  expect((await post({}, headers as never)).statusCode).toBe(403)
  expect((await post({ dryRun: true }, headers as never)).statusCode).toBe(403)
  expect(replayed).toEqual([])
})

test('replay is done when our own page asks, or a program', async () => {
  expect((await post({}, { origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' })).statusCode).toBe(202)
  expect((await post({}, { host: 'GAUGES.example', origin: 'https://gauges.example' })).statusCode).toBe(202)
  expect((await post({})).statusCode).toBe(202)
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/json'])(
  'replay is refused when its body is %s',
  async (type) => {
    expect((await post('{}', { 'content-type': type })).statusCode).toBe(415)
    expect(replayed).toEqual([])
  },
)

test.each([
  ['', 400],
  ['{', 400],
  ['[]', 400],
  ['null', 400],
  ['{"all":true}', 400],
  ['{"code":"nonsense"}', 400],
  ['{"topic":"a/{b"}', 400],
  ['{"ids":["x"]}', 400],
  ['{"ids":[{}]}', 400],
  ['{"dryRun":"perhaps"}', 400],
  ['{"__proto__":{"ids":[]}}', 400],
  [`{"topic":"${'a'.repeat(limits.quarantineQuestionBytesMax)}"}`, 413],
])('replay is refused when its body is %.40s', async (body, status) => {
  expect((await post(body)).statusCode).toBe(status)
  expect(replayed).toEqual([])
})

test('the longest question that may be asked fits the bound of its body', () => {
  const ids = Array.from({ length: limits.quarantineIdsMax }, () => '9'.repeat(16))
  expect(JSON.stringify({ ids, topic: 'a'.repeat(limits.topicBytesMax) }).length).toBeLessThan(
    limits.quarantineQuestionBytesMax,
  )
})
