/** What the API answers over HTTP, and to whom. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Balance, type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { connect, patient, readings } from './helpers.ts'

const t0 = Date.UTC(2026, 10, 23, 7)
const iso = (ms: number) => new Date(ms).toISOString()
let server: DewpointServer

beforeAll(async () => {
  server = await startDewpoint()
  const client = await connect(server.mqttUrl, { clientId: 'gauge-1' })
  const publish = (topic: string, payload: string) => client.publishAsync(topic, payload, { qos: 1 })
  // One every second, on the second.
  for (let i = 0; i < 100; i++) {
    await publish('sensors/a/gauge/rainfall', JSON.stringify({ v: i / 10, t: t0 + i * 1000, seq: i }))
  }
  await publish('sensors/b/gauge/rainfall', JSON.stringify({ v: 7, t: t0 + 500 }))
  await publish('sensors/a/gauge/rainfall', JSON.stringify({ v: 0, t: t0, seq: 0 }))
  await publish('sensors/a/gauge/voltage', 'flat')
  await client.endAsync()
  await server.drained()
})
afterAll(() => server.close())

/** With a Host header of one's own, which fetch() does not allow. */
function ask(path: string, host?: string): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${server.httpUrl}${path}`, host === undefined ? {} : { headers: { host } }, (response) => {
      let text = ''
      response.on('data', (bytes) => {
        text += bytes
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    asked.once('error', reject)
    asked.end()
  })
}
const message = async (path: string) => {
  const { status, text } = await ask(path)
  return { status, message: (JSON.parse(text) as { message: string }).message }
}

describe('/api/readings', () => {
  const gauge = (more: Record<string, string> = {}) => readings(server, 'gauge', 'rainfall', { site: 'a', ...more })

  test('answers everything in order of time when no range is given', async () => {
    const wanted = Array.from({ length: 100 }, (_, i) => ({ time: iso(t0 + i * 1000), value: i / 10 }))
    expect(await gauge()).toEqual(wanted)
  })

  test.each([
    ['ISO 8601', iso(t0 + 10_000), iso(t0 + 20_000), 11],
    ['ISO 8601 with a zone', '2026-11-23T08:00:10+01:00', '2026-11-23T08:00:20+01:00', 11],
    ['milliseconds', String(t0 + 10_000), String(t0 + 20_000), 11],
    ['one moment', iso(t0 + 10_000), iso(t0 + 10_000), 1],
    ['between two readings', iso(t0 + 10_001), iso(t0 + 10_999), 0],
    ['turned round', iso(t0 + 20_000), iso(t0 + 10_000), 0],
  ])('answers both ends and nothing beyond when the range is %s', async (_, from, to, count) => {
    const found = await gauge({ from, to })
    expect(found).toHaveLength(count)
    if (count > 1) expect([found[0]?.value, found.at(-1)?.value]).toEqual([1, 2])
  })

  test('answers from or up to a time when one end is given', async () => {
    expect(await gauge({ from: iso(t0 + 90_000) })).toHaveLength(10)
    expect(await gauge({ to: iso(t0 + 9_000) })).toHaveLength(10)
  })

  test('answers the readings of all sites when none is named', async () => {
    expect(await readings(server, 'gauge')).toHaveLength(101)
    expect(await gauge({ site: 'b' })).toEqual([{ time: iso(t0 + 500), value: 7 }])
  })

  test('answers a reduced picture when points are given', async () => {
    type Bucket = { time: string; mean: number; min: number; max: number }
    const from = iso(t0)
    const to = iso(t0 + 99_999)
    const query = new URLSearchParams({ device: 'gauge', site: 'a', channel: 'rainfall', from, to, points: '10' })
    const buckets = await server.get<Bucket[]>(`/api/readings?${query}`)
    expect(buckets.length).toBeGreaterThanOrEqual(10)
    expect(buckets.length).toBeLessThanOrEqual(11)
    expect(buckets[0]).toMatchObject({ time: from, min: 0, max: 0.9 })
    expect(buckets[0]?.mean).toBeCloseTo(0.45, 9)
    expect(Math.max(...buckets.map((it) => it.max))).toBe(9.9)
  })

  test('answers nothing when device, site or channel are unknown', async () => {
    expect(await readings(server, 'nobody')).toEqual([])
    expect(await readings(server, 'nobody', 'rainfall', { points: '10' })).toEqual([])
    expect(await readings(server, 'gauge', 'humidity')).toEqual([])
    expect(await gauge({ site: 'nowhere' })).toEqual([])
    expect(await readings(server, `'; DROP TABLE readings; --`)).toEqual([])
    expect(await gauge()).toHaveLength(100)
  })

  test('answers the newest readings when so many are asked for', async () => {
    expect((await gauge({ newest: '2' })).map((it) => it.value)).toEqual([9.8, 9.9])
    expect((await gauge({ newest: '2', to: iso(t0 + 5000) })).map((it) => it.value)).toEqual([0.4, 0.5])
  })

  test.each([
    ['points and newest are given', 'device=gauge&channel=rainfall&points=1&newest=1', 'points and newest'],
    ['from is no time', 'device=gauge&channel=rainfall&from=yesterday', 'from: "yesterday" given'],
    ['to is no time', 'device=gauge&channel=rainfall&to=2026-13-01', 'to: "2026-13-01" given'],
    ['points is 0', 'device=gauge&channel=rainfall&points=0', 'points'],
    ['points is a word', 'device=gauge&channel=rainfall&points=many', 'points'],
    ['device is missing', 'channel=rainfall', 'device'],
    ['channel is missing', 'device=gauge', 'channel'],
  ])('answers 400 and says why when %s', async (_, query, why) => {
    const answer = await message(`/api/readings?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.message).toContain(why)
  })
})

describe('/api/export', () => {
  const ranged = `from=${iso(t0)}&to=${iso(t0 + 1000)}&channel=rainfall`
  const time = (second: number) => `2026-11-23T07:00:0${second}`

  test('answers a file of the readings in a range, with every digit of their times', async () => {
    const { status, headers, text } = await ask(`/api/export?device=gauge&site=a&${ranged}`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(headers['content-disposition']).toBe('attachment; filename="dewpoint.csv"')
    const [header, ...lines] = text.trimEnd().split('\n')
    expect(header).toBe('time,measurement,field,type,value,site,device,tags')
    expect(lines).toHaveLength(2)
    for (const [i, line] of lines.entries()) {
      expect(line.startsWith(`${time(i)}.`)).toBe(true)
      expect(line).toMatch(/^[^.]+\.\d{9}Z,/)
      expect(line.endsWith(`,rainfall,value,float,${i / 10},a,gauge,`)).toBe(true)
    }
  })

  test('answers lines and ndjson when they are asked for', async () => {
    const lines = (await ask(`/api/export?format=lines&site=a&${ranged}`)).text.trimEnd().split('\n')
    expect(lines[1]).toMatch(/^rainfall,device=gauge,site=a value=0\.1 \d{19}$/)
    const { headers, text } = await ask(`/api/export?format=ndjson&site=b&${ranged}`)
    expect(headers['content-disposition']).toContain('dewpoint.ndjson')
    const wanted = {
      measurement: 'rainfall',
      field: 'value',
      type: 'float',
      value: 7,
      site: 'b',
      device: 'gauge',
      tags: {},
    }
    expect(JSON.parse(text)).toMatchObject(wanted)
  })

  test('answers everything, what the platform says of devices too, when nothing is narrowed down', async () => {
    const { text } = await ask('/api/export')
    const measurements = text
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(',')[1])
    expect(measurements.filter((it) => it === 'rainfall')).toHaveLength(101)
    expect(measurements).toContain('device_state')
    expect((await ask('/api/export?device=nobody')).text.split('\n')).toHaveLength(2)
    expect((await ask('/api/export?device=nobody&format=lines')).text).toBe('')
  })

  test.each([
    ['the format is unknown', 'format=xls', 'format'],
    ['from is no time', 'from=yesterday', 'from: "yesterday" given'],
    ['a parameter is unknown', 'divice=gauge', '"divice" is not known'],
  ])('answers 400 and says why when %s', async (_, query, why) => {
    const answer = await message(`/api/export?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.message).toContain(why)
  })
})

test('counters balance when readings were stored, quarantined and duplicate', async () => {
  const balance = await server.counters()
  expect(balance).toEqual({
    received: 103,
    accepted: 103,
    refused: 0,
    waiting: 0,
    stored: 101,
    quarantined: 1,
    duplicate: 1,
    damaged: 0,
    held: 0,
  } satisfies Balance)
})

test('quarantine answers the raw bytes and the reason, the newest first, when it is asked', async () => {
  const client = await connect(server.mqttUrl, { clientId: 'gauge-2' })
  await client.publishAsync('sensors/a/gauge/pulse', Buffer.from([255, 0, 1]), { qos: 1 })
  await client.endAsync()
  await server.drained()
  type Entry = Record<'id' | 'topic' | 'client' | 'time' | 'code' | 'reason' | 'payload', string>
  const [newest, older, ...others] = await server.get<Entry[]>('/api/quarantine')
  expect(others).toEqual([])
  expect(newest).toMatchObject({ topic: 'sensors/a/gauge/pulse', client: 'gauge-2', payload: '/wAB' })
  expect(older).toMatchObject({ topic: 'sensors/a/gauge/voltage', client: 'gauge-1', code: 'bad_value' })
  expect(older?.reason).toContain('"flat" given')
  expect(Buffer.from(older?.payload ?? '', 'base64').toString()).toBe('flat')
  expect(Math.abs(Date.parse(older?.time ?? '') - Date.now())).toBeLessThan(60_000)
  expect(newest?.id).not.toBe(older?.id)
  expect(await server.get('/api/quarantine?limit=1')).toEqual([newest])
  expect((await ask('/api/quarantine?limit=0')).status).toBe(400)
})

test('healthz answers ok with every check when all works', async () => {
  const { status, text } = await ask('/healthz')
  expect({ status, answer: JSON.parse(text) }).toMatchObject({ status: 200, answer: { status: 'ok' } })
  const { checks } = JSON.parse(text) as { checks: Record<string, { ok: boolean }> }
  expect(Object.keys(checks).toSorted()).toEqual(['broker', 'ingest', 'journal', 'liveness', 'sessions', 'store'])
  expect(Object.values(checks).every((it) => it.ok)).toBe(true)
})

test('metrics are Prometheus text that agrees with the counters when they are scraped', async () => {
  const { headers, text } = await ask('/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  const help = /^# (HELP|TYPE) [a-zA-Z_:][\w:]* .+$/
  const sample =
    /^[a-zA-Z_:][\w:]*(\{\w+="([^"\\\n]|\\.)*"(,\w+="([^"\\\n]|\\.)*")*\})? (NaN|[+-]?Inf|-?[\d.]+(e[+-]?\d+)?)$/i
  const lines = text.split('\n').filter((line) => line !== '')
  expect(lines.filter((line) => !help.test(line) && !sample.test(line))).toEqual([])

  const balance = await server.counters()
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
  for (const word of ['received', 'accepted', 'refused', 'stored', 'quarantined', 'duplicate', 'damaged'] as const) {
    expect([word, value(`dewpoint_readings_${word}_total`)]).toEqual([word, balance[word]])
  }
  for (const word of ['held', 'waiting'] as const) {
    expect([word, value(`dewpoint_readings_${word}`)]).toEqual([word, balance[word]])
  }
  const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2])
  expect(new Set(types).size).toBe(types.length)
})

describe('server', () => {
  test.each(['localhost', '127.0.0.1', '127.0.0.1:9', '[::1]:8080'])('answers when the Host is %s', async (host) => {
    expect((await ask('/api/devices', host)).status).toBe(200)
  })

  test.each(['example.com', 'localhost.example.com', '127.0.0.1.example.com', 'dewpoint:8080', '10.0.0.1'])(
    'answers 421 and no data when the Host is %s',
    async (host) => {
      for (const path of ['/', '/api/devices', '/api/live', '/metrics', '/healthz', '/nothing']) {
        const { status, text } = await ask(path, host)
        expect([path, status]).toEqual([path, 421])
        expect(Object.keys(JSON.parse(text))).toEqual(['message'])
      }
    },
  )

  test.each(['/', '/api/devices', '/metrics', '/nothing', '/api/readings'])(
    'sends security headers when %s is asked',
    async (path) => {
      const { headers } = await ask(path)
      expect(headers['content-security-policy']).toContain("default-src 'self'")
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    },
  )

  test('answers 404 as JSON when there is nothing', async () => {
    for (const path of ['/nothing', '/api/nothing', '/page/../../package.json', '/%2e%2e/package.json', '/page/x.js']) {
      const { status, headers, text } = await ask(path)
      expect([path, status]).toEqual([path, 404])
      expect(headers['content-type']).toContain('application/json')
      expect(JSON.parse(text)).toHaveProperty('message')
    }
  })

  test('answers 4xx as JSON and stays well when it is asked to write', async () => {
    const response = await fetch(`${server.httpUrl}/api/readings`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(404)
    expect(await response.json()).toHaveProperty('message')
    await vi.waitFor(async () => expect((await ask('/healthz')).status).toBe(200), patient)
  })
})

test('console takes a range beyond what can be stored for the longest there is', async () => {
  const found = await readings(server, 'gauge', 'rainfall', { from: '-271821-04-20T00:00:00Z', to: '9'.repeat(20) })
  expect(found).toHaveLength(101)
})

test('console refuses what no device is called, cannot be parsed, or has no end', async () => {
  for (const path of ['/api/readings?device=g%0A&channel=rainfall', '/api/quarantine?limit=3&colour=x', '/%zz']) {
    const { status, headers } = await ask(path)
    expect([path, status]).toEqual([path, 400])
    expect(headers['content-security-policy']).toContain("default-src 'self'")
  }
  const head = await fetch(`${server.httpUrl}/api/live`, { method: 'HEAD', signal: AbortSignal.timeout(5000) })
  expect(head.status).toBe(404)
})
