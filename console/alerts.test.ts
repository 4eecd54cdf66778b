import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { addAct } from './act.ts'
import { alertOf, createAlertingFake } from './alerting.fake.ts'
import { addAlerts } from './alerts.ts'
import { addNotifiers } from './notifiers.ts'

let fake: ReturnType<typeof createAlertingFake>
let isReady: boolean
let app: FastifyInstance

beforeEach(() => {
  isReady = true
  fake = createAlertingFake([
    alertOf('a'),
    alertOf('b', { state: 'pending', firedAtMs: null }),
    alertOf('c', { state: 'resolved' }),
    alertOf('d', { title: '<script>alert(1)</script>', why: '"quoted" & <b>' }),
  ])
  app = Fastify({ ajv: { customOptions: { removeAdditional: false } } })
  const door = { alerting: () => (isReady ? fake.alerting : null) }
  addAlerts(app, door)
  addNotifiers(app, door)
  addAct(app, door)
})
afterEach(() => app.close())

const get = (url: string) => app.inject({ url })
const send = (method: 'POST' | 'DELETE', url: string, body: unknown, headers: { [name: string]: string } = {}) =>
  app.inject({
    method,
    url,
    headers: { 'content-type': 'application/json', host: '127.0.0.1:8080', ...headers },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })

test('alerts are listed by state, with times in ISO 8601, and filters go to the engine', async () => {
  const all = (await get('/api/alerts')).json()
  expect(all.map((it: { id: string }) => it.id)).toEqual(['a', 'b', 'c', 'd'])
  expect(all[0]).toMatchObject({ beganAt: '2026-11-24T14:02:00.000Z', resolvedAt: null, mutedUntil: null })
  await get('/api/alerts?state=firing,pending&site=north&severity=critical&suppressed=false&limit=5')
  expect(fake.asked.at(-1)).toEqual([
    'list',
    { states: ['firing', 'pending'], site: 'north', severity: 'critical', isSuppressed: false, max: 5 },
  ])
})

test.each(['state=gone', 'state=', 'severity=bad', 'limit=0', 'suppressed=perhaps', 'x=1'])(
  'alerts answer 400 when %s is asked',
  async (query) => {
    expect((await get(`/api/alerts?${query}`)).statusCode).toBe(400)
  },
)

test('acknowledge, mute and unmute say who did it, and stand in the audit', async () => {
  const done = await send('POST', '/api/alerts/a/acknowledge', { by: 'ann', note: 'on my way' })
  expect(done.json().acknowledged).toEqual({ by: 'ann', at: '2026-11-24T14:02:00.000Z', note: 'on my way' })
  expect((await send('POST', '/api/alerts/a/mute', { for: '8h' }, { 'x-forwarded-user': 'bob' })).json()).toMatchObject(
    {
      suppressed: 'mute',
    },
  )
  expect(fake.asked.at(-1)?.[1]).toBeGreaterThan(8 * 3_600_000 - 5_000)
  expect((await send('POST', '/api/alerts/a/unmute', {})).json().mutedUntil).toBeNull()
  const audit = (await get('/api/audit?limit=3')).json()
  expect(audit.map(({ by, action }: { by: string; action: string }) => [by, action])).toEqual([
    ['somebody', 'unmute'],
    ['bob', 'mute'],
    ['ann', 'acknowledge'],
  ])
})

test.each([
  ['/api/alerts/x/acknowledge', {}, 404],
  ['/api/alerts/c/mute', { for: '1h' }, 404],
  ['/api/alerts/a/mute', {}, 400],
  ['/api/alerts/a/mute', { for: 'ever' }, 400],
  ['/api/alerts/a/mute', { for: '31d' }, 400],
  ['/api/alerts/a/acknowledge', { by: 'a'.repeat(101) }, 400],
  ['/api/alerts/a/acknowledge', { buy: 'ann' }, 400],
  ['/api/alerts/a/acknowledge', '[', 400],
  ['/api/maintenance', { to: 'soon' }, 400],
  ['/api/maintenance', { from: '2026-12-02', to: '2026-12-01' }, 400],
  ['/api/notifiers/boss/test', {}, 404],
  ['/api/push/subscription', { endpoint: 'http://x', keys: {} }, 400],
  ['/api/push/subscription', { endpoint: `https://${'x'.repeat(9000)}`, keys: {} }, 413],
])('POST %s of %j is refused with %i', async (url, body, status) => {
  expect((await send('POST', url, body)).statusCode).toBe(status)
  expect(fake.audit).toEqual([])
})

test.each([
  ['POST', '/api/alerts/a/acknowledge'],
  ['POST', '/api/alerts/a/mute'],
  ['POST', '/api/maintenance'],
  ['DELETE', '/api/maintenance/w0'],
  ['POST', '/api/notifiers/ops/test'],
  ['POST', '/api/push/subscription'],
  ['DELETE', '/api/push/subscription'],
] as const)('%s %s is refused when a page of another origin asks', async (method, url) => {
  const before = fake.asked.length
  const headers = { origin: 'http://evil.example' }
  expect((await send(method, url, { for: '1h' }, headers)).statusCode).toBe(403)
  expect((await send(method, url, '{}', { 'content-type': 'text/plain' })).statusCode).toBe(415)
  expect([fake.audit, fake.asked.length]).toEqual([[], before])
})

test('maintenance begins now when nothing else is said, and ends', async () => {
  const to = new Date(Date.now() + 3_600_000).toISOString()
  const made = await send('POST', '/api/maintenance', { site: 'north', to, by: 'ann', note: 'new gateway' })
  expect(made.statusCode).toBe(201)
  expect(made.json()).toMatchObject({ id: 'w0', site: 'north', device: '', to, by: 'ann', note: 'new gateway' })
  expect((await get('/api/maintenance')).json()).toHaveLength(1)
  expect((await send('DELETE', '/api/maintenance/w0?by=ann', {})).statusCode).toBe(200)
  expect((await send('DELETE', '/api/maintenance/w9', {})).statusCode).toBe(404)
})

test('notifiers tell how they are, and are tested by name', async () => {
  expect((await get('/api/notifiers')).json()[0]).toMatchObject({ name: 'ops', lastError: 'the receiver said 500' })
  expect((await send('POST', '/api/notifiers/ops/test', {})).json()).toEqual({ ok: true, detail: 'sent' })
})

test('push gives its key, and takes and removes subscriptions', async () => {
  expect((await get('/api/push/key')).json()).toEqual({ key: 'BKey' })
  const subscription = { endpoint: 'https://push.example/1', expirationTime: null, keys: { p256dh: 'p', auth: 'a' } }
  expect((await send('POST', '/api/push/subscription', subscription)).statusCode).toBe(201)
  expect(fake.asked.at(-1)).toEqual(['subscribe', subscription])
  const { endpoint } = subscription
  expect((await send('DELETE', '/api/push/subscription', { endpoint })).statusCode).toBe(200)
  expect((await send('DELETE', '/api/push/subscription', { endpoint: 'https://other' })).statusCode).toBe(404)
})

test('act asks on GET and acts on POST alone', async () => {
  const shown = await get('/act/a.mute')
  expect([shown.statusCode, shown.headers['cache-control']]).toEqual([200, 'no-store'])
  expect(shown.body).toContain('<form method="post"><button class="button">Mute for 1 hour</button></form>')
  expect((await app.inject({ method: 'HEAD', url: '/act/a.acknowledge' })).statusCode).toBe(200)
  expect(fake.audit).toEqual([])
  // As a form of a page without a referrer sends it.
  const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' }
  const done = await app.inject({ method: 'POST', url: '/act/a.mute', headers, payload: '' })
  expect(done.body).toContain('Muted for 1 hour.')
  expect(fake.asked.at(-1)?.[1]).toBeGreaterThan(limits.actionMuteMs - 5_000)
  // As a button of ntfy or of our service worker does.
  expect((await app.inject({ method: 'POST', url: '/act/a.acknowledge' })).body).toContain('Acknowledged.')
  expect(fake.audit.map(({ by, action }) => [by, action])).toEqual([
    ['ops', 'acknowledge'],
    ['ops', 'mute'],
  ])
})

test('act goes by the token alone, whoever sends it, and gives no other page anything to read', async () => {
  const hostile = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', cookie: 'session=1' }
  for (const url of ['/act/', '/act/acknowledge', '/act/a', '/act/x.acknowledge'])
    expect((await app.inject({ method: 'POST', url, headers: hostile })).statusCode).toBe(410)
  // What a page of another origin could ask leave for, or read.
  for (const method of ['OPTIONS', 'GET'] as const) {
    const { headers } = await app.inject({ method, url: '/act/a.acknowledge', headers: hostile })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  }
  expect(fake.audit).toEqual([])
  // A button in the web page of an ntfy server has that server's origin.
  const pressed = { origin: 'https://ntfy.example', 'sec-fetch-site': 'cross-site' }
  expect((await app.inject({ method: 'POST', url: '/act/a.acknowledge', headers: pressed })).statusCode).toBe(200)
  expect(fake.audit).toMatchObject([{ by: 'ops', action: 'acknowledge', on: 'a' }])
})

test('act shows what devices say as text, and never as HTML', async () => {
  const { body } = await get('/act/d.acknowledge')
  expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(body).toContain('&quot;quoted&quot; &amp; &lt;b&gt;')
  expect(body).not.toContain('<script')
})

test.each(['c.mute', 'x.mute', 'a.delete', 'a', ''])(
  'act says that the link is of no use when it is %j',
  async (token) => {
    for (const method of ['GET', 'POST'] as const) {
      expect((await app.inject({ method, url: `/act/${token}` })).statusCode).toBe(410)
    }
    expect(fake.audit).toEqual([])
  },
)

test('everything answers 503 until alerts are known', async () => {
  isReady = false
  expect((await get('/api/alerts')).statusCode).toBe(204)
  for (const url of ['/api/audit', '/api/maintenance', '/api/notifiers', '/api/push/key', '/act/a.mute']) {
    expect((await get(url)).statusCode).toBe(503)
  }
  expect((await send('POST', '/api/alerts/a/acknowledge', {})).statusCode).toBe(503)
})
