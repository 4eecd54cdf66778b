import { createHmac, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { NotifierConfig } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import { createActionLinks } from './actions.ts'
import { retryAfterMs } from './http.ts'
import { atMs, chartFake, notificationOf, parcelOf } from './notification.fake.ts'
import { startReceiver } from './receiver.fake.ts'
import { createTemplates } from './templates.ts'
import { createWebhook } from './webhook.ts'

type Format = Extract<NotifierConfig, { type: 'webhook' }>['format']

let receiver: Awaited<ReturnType<typeof startReceiver>>
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

function webhookOf(format: Format, secret: string | null = null, url = `${receiver.url}/hook/secret`) {
  const publicUrl = 'https://dewpoint.example'
  const common = { name: 'ops', perMinuteMax: 60, title: '', text: '' }
  const links = createActionLinks(randomBytes(32), publicUrl)
  const templates = createTemplates({ config: common, publicUrl, links, nowMs: () => atMs })
  return createWebhook({ ...common, type: 'webhook', url, format, secret }, templates, () => atMs)
}

async function send(format: Format, ...given: Parameters<typeof notificationOf>) {
  expect(await webhookOf(format, 's3cret').deliver(parcelOf(notificationOf(...given)))).toMatchObject({ ok: true })
  const [got] = receiver.got
  if (got === undefined) throw new Error('nothing came')
  return got
}

test('generic webhook is signed over time and body, as its receiver checks it', async () => {
  const { headers, body } = await send('generic', 'fired', {}, chartFake)
  const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['dewpoint-signature'])) ?? []
  expect(Number(seconds)).toBe(atMs / 1000)
  expect(hex).toBe(createHmac('sha256', 's3cret').update(`${seconds}.`).update(body).digest('hex'))
  const told = JSON.parse(body.toString())
  expect(told).toMatchObject({
    version: 1,
    title: 'well-3 is offline',
    severity: 'critical',
    isOver: false,
    url: 'https://dewpoint.example/#/alerts/a1',
    actions: [{ action: 'acknowledge' }, { action: 'mute' }],
    alerts: [{ kind: 'fired', id: 'a1', subject: { kind: 'device', site: 'north', device: 'well-3' }, value: 2.31 }],
  })
  expect(Buffer.from(told.chart.base64, 'base64').subarray(1, 4).toString()).toBe('PNG')
})

test('generic webhook without a secret has no signature', async () => {
  await webhookOf('generic').deliver(parcelOf(notificationOf()))
  expect(receiver.got[0]?.headers['dewpoint-signature']).toBeUndefined()
})

test('Slack gets blocks and a text in which nothing is a command', async () => {
  const { body, headers } = await send('slack', 'fired', {
    title: '<!channel> & *loud*',
    why: '<https://evil|click> _it_',
  })
  expect(headers['content-type']).toBe('application/json')
  const { text, blocks } = JSON.parse(body.toString())
  expect(text).toBe('&lt;!channel&gt; &amp; \u200b*loud\u200b*')
  expect(blocks).toMatchObject([
    { type: 'header', text: { type: 'plain_text', text: '<!channel> & *loud*' } },
    {
      type: 'section',
      text: { type: 'mrkdwn', text: expect.stringContaining('&lt;https://evil|click&gt; \u200b_it\u200b_') },
    },
    {
      type: 'actions',
      elements: [
        { type: 'button', text: { type: 'plain_text', text: 'Acknowledge' }, url: expect.stringMatching(/\/act\//) },
        { type: 'button', text: { type: 'plain_text', text: 'Mute 1 h' } },
        { type: 'button', text: { type: 'plain_text', text: 'Open' } },
      ],
    },
  ])
})

test('Discord gets an embed that mentions nobody, with the picture as its file', async () => {
  const { body, headers } = await send('discord', 'fired', { title: '@everyone **b**' }, chartFake)
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': String(headers['content-type']) },
  }).formData()
  expect(JSON.parse(String(form.get('payload_json')))).toMatchObject({
    allowed_mentions: { parse: [] },
    embeds: [{ title: '\\@everyone \\*\\*b\\*\\*', color: 0xcf222e, image: { url: 'attachment://chart.png' } }],
  })
  const file = form.get('files[0]') as File
  expect([file.name, file.type]).toEqual(['chart.png', 'image/png'])
})

test('Discord gets plain JSON when there is no picture', async () => {
  const { body } = await send('discord', 'resolved')
  expect(JSON.parse(body.toString()).embeds[0]).toMatchObject({ title: 'Over: well-3 is offline', color: 0x2da44e })
})

test('Teams gets an Adaptive Card within what a workflow takes', async () => {
  const { body } = await send('teams', 'fired', { title: '[x](https://evil)' }, chartFake)
  expect(body.length).toBeLessThan(28_000)
  const message = JSON.parse(body.toString())
  expect(message).toMatchObject({
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', content: { type: 'AdaptiveCard', version: '1.4' } },
    ],
  })
  const { body: blocks, actions } = message.attachments[0].content
  expect(blocks[0]).toMatchObject({ type: 'TextBlock', text: '\\[x\\]\\(https://evil\\)', color: 'attention' })
  expect(blocks[2].url).toMatch(/^data:image\/png;base64,/)
  expect(actions.map(({ type, title }: { type: string; title: string }) => [type, title])).toEqual([
    ['Action.OpenUrl', 'Acknowledge'],
    ['Action.OpenUrl', 'Mute 1 h'],
    ['Action.OpenUrl', 'Open'],
  ])
})

test('ntfy gets title, priority, tags and buttons as headers, and the text as body', async () => {
  const { headers, body } = await send('ntfy', 'fired', { title: 'too hot', why: 'Wasser 31 °C' })
  expect(headers).toMatchObject({
    title: 'too hot',
    priority: '5',
    tags: 'rotating_light',
    authorization: 'Bearer s3cret',
  })
  expect(body.toString()).toBe('Wasser 31 °C\ncritical, since 2026-11-24 14:01 UTC')
  expect(JSON.parse(String(headers.actions))).toMatchObject([
    { action: 'http', label: 'Acknowledge', method: 'POST', clear: true },
    { action: 'http', label: 'Mute 1 h', method: 'POST' },
  ])
})

test('ntfy gets no header that a name of a device brought along', async () => {
  const { headers } = await send('ntfy', 'fired', { title: 'a\r\nEmail: thief@example.org\r\n\r\nb' })
  expect(headers.title).toBe('a Email: thief@example.org b')
  expect(headers.email).toBeUndefined()
})

test('ntfy gets a title beyond ASCII as encoded words [RFC 2047 §2]', async () => {
  const title = 'Brunnen-3: 31 °C zu heiß — 水が熱い, und das schon seit gestern Abend'
  const { headers } = await send('ntfy', 'fired', { title })
  const words = String(headers.title).split(' ')
  const decoded = words.map((word) => {
    expect(word.length).toBeLessThanOrEqual(75)
    return Buffer.from(/^=\?UTF-8\?B\?(.*)\?=$/.exec(word)?.[1] ?? '', 'base64').toString()
  })
  expect(decoded.join('')).toBe(title)
})

test.each([
  [204, { ok: true }],
  [302, { ok: false, isFinal: false, detail: 'answered 302' }],
  [400, { ok: false, isFinal: true, detail: 'answered 400' }],
  [404, { ok: false, isFinal: false }],
  [429, { ok: false, isFinal: false, retryAfterMs: 30_000 }],
  [503, { ok: false, isFinal: false, retryAfterMs: 30_000 }],
])('webhook takes an answer %i for what it is', async (status, wanted) => {
  receiver.answerWith({ status, headers: { 'retry-after': '30', location: 'http://127.0.0.1:1/' } })
  expect(await webhookOf('generic').deliver(parcelOf(notificationOf()))).toMatchObject(wanted)
  expect(receiver.got).toHaveLength(1)
})

test('webhook sends name and password of its address as Basic, and tells neither', async () => {
  const url = receiver.url.replace('http://', 'http://me:p%40ss@')
  await webhookOf('generic', null, url).deliver(parcelOf(notificationOf()))
  expect(receiver.got[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

test.each([
  ['http://127.0.0.1:1/hook/secret', 'ECONNREFUSED'],
  ['file:///etc/secret', 'file: given, http: or https: wanted'],
  ['not a secret url', 'ERR_INVALID_URL'],
])('webhook to %s fails, and its detail tells no secret', async (url, detail) => {
  const outcome = await webhookOf('generic', null, url).deliver(parcelOf(notificationOf()))
  if (url.endsWith(':1/hook/secret')) expect(outcome).toMatchObject({ ok: false })
  else expect(outcome).toMatchObject({ ok: false, detail })
  expect(outcome.detail).not.toContain('secret')
})

test('webhook gives up a receiver that never answers', async () => {
  vi.spyOn(AbortSignal, 'timeout').mockImplementationOnce((ms) => {
    expect(ms).toBe(limits.notifierTryMsMax)
    const aborter = new AbortController()
    setTimeout(() => aborter.abort(new DOMException('late', 'TimeoutError')), 50)
    return aborter.signal
  })
  receiver.answerWith(null)
  const outcome = await webhookOf('generic').deliver(parcelOf(notificationOf()))
  expect(outcome).toMatchObject({ ok: false, detail: 'no answer within 10 s' })
})

test.each([
  [null, null],
  ['2', 2_000],
  ['0.35', 350],
  ['Tue, 24 Nov 2026 14:03:00 GMT', 60_000],
  ['Tue, 24 Nov 2020 14:03:00 GMT', 0],
  ['soon', null],
])('Retry-After %j is a wait of %j ms [RFC 9110 §10.2.3]', (text, ms) => {
  expect(retryAfterMs(text, atMs)).toBe(ms)
})
