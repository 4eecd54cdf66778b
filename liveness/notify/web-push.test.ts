import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  hkdfSync,
  randomBytes,
  verify as verifySignature,
} from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import { createActionLinks } from './actions.ts'
import { readJson } from './json-file.ts'
import { atMs, keptLog, notificationOf, parcelOf } from './notification.fake.ts'
import { startReceiver } from './receiver.fake.ts'
import { createSubscriptions, isPushService } from './subscriptions.ts'
import { createTemplates } from './templates.ts'
import { createWebPush, makeVapidKeys } from './web-push.ts'

let receiver: Awaited<ReturnType<typeof startReceiver>>
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

/** A browser: it subscribes, and can read what its push service was sent. */
function createBrowser(endpoint: string) {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  const auth = randomBytes(16)
  return {
    subscription: {
      endpoint,
      keys: { p256dh: ecdh.getPublicKey('base64url'), auth: auth.toString('base64url') },
    },
    /** [RFC 8291 §3.4, RFC 8188 §2] */
    decrypt(body: Buffer): string {
      const salt = body.subarray(0, 16)
      const keyLength = body.readUInt8(20)
      const serverKey = body.subarray(21, 21 + keyLength)
      const sealed = body.subarray(21 + keyLength)
      const hkdf = (secret: Buffer, given: Buffer, info: Buffer, length: number) =>
        Buffer.from(hkdfSync('sha256', secret, given, info, length))
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), serverKey])
      const input = hkdf(ecdh.computeSecret(serverKey), auth, info, 32)
      const key = hkdf(input, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
      const nonce = hkdf(input, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
      const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(sealed.subarray(-16))
      const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
      const end = padded.lastIndexOf(2)
      return padded.subarray(0, end).toString()
    },
  }
}

async function setUp() {
  const path = join(await mkdtemp(join(tmpdir(), 'push-')), 'push.json')
  const subscriptions = createSubscriptions([], path, () => true)
  const counters = createCounters()
  const keys = makeVapidKeys()
  const config = { name: 'phones', perMinuteMax: 60, title: '', text: '' }
  const publicUrl = 'https://dewpoint.example'
  const links = createActionLinks(randomBytes(32), publicUrl)
  const sender = createWebPush({
    config: { ...config, type: 'web-push', contact: 'mailto:ops@example.org' },
    templates: createTemplates({ config, publicUrl, links, nowMs: () => atMs }),
    subscriptions,
    keys,
    counters,
    log: keptLog().log,
    nowMs: () => atMs,
  })
  return { sender, subscriptions, counters, keys, path }
}

test('push is read by the browser that subscribed, and by nobody else', async () => {
  const { sender, subscriptions } = await setUp()
  const browser = createBrowser(`${receiver.url}/one`)
  expect(await subscriptions.add(browser.subscription)).toBeNull()
  expect(await sender.deliver(parcelOf(notificationOf()))).toEqual({ ok: true, detail: 'sent to 1 subscription' })
  const [got] = receiver.got
  if (got === undefined) throw new Error('nothing came')
  expect(got.headers).toMatchObject({ 'content-encoding': 'aes128gcm', urgency: 'high', ttl: `${limits.pushKeepS}` })
  expect(JSON.parse(browser.decrypt(got.body))).toMatchObject({
    title: 'well-3 is offline',
    tag: 'a1',
    severity: 'critical',
    url: 'https://dewpoint.example/#/alerts/a1',
    actions: [{ action: 'acknowledge', url: expect.stringContaining('/act/') }, { action: 'mute' }],
  })
  expect(() => createBrowser('').decrypt(got.body)).toThrow()
})

test('push is signed as ours for its push service [RFC 8292 §2]', async () => {
  const { sender, subscriptions, keys } = await setUp()
  await subscriptions.add(createBrowser(`${receiver.url}/one`).subscription)
  await sender.deliver(parcelOf(notificationOf()))
  const [, token = '', key = ''] = /^vapid t=(.*), k=(.*)$/.exec(String(receiver.got[0]?.headers.authorization)) ?? []
  expect(key).toBe(keys.publicKey)
  const [head, claims = '', signature = ''] = token.split('.')
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    aud: receiver.url,
    sub: 'mailto:ops@example.org',
  })
  const point = Buffer.from(key, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((it) => it.toString('base64url'))
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: `${x}`, y: `${y}` }, format: 'jwk' })
  const given = { key: publicKey, dsaEncoding: 'ieee-p1363' as const }
  expect(verifySignature('sha256', Buffer.from(`${head}.${claims}`), given, Buffer.from(signature, 'base64url'))).toBe(
    true,
  )
})

test('push stays within what every push service takes, however long its text is', async () => {
  const { sender, subscriptions } = await setUp()
  const browser = createBrowser(`${receiver.url}/one`)
  await subscriptions.add(browser.subscription)
  await sender.deliver(parcelOf(notificationOf('fired', { why: '水'.repeat(5_000), title: '熱'.repeat(500) })))
  expect(receiver.got[0]?.body.length).toBeLessThanOrEqual(4_096)
  expect(JSON.parse(browser.decrypt(receiver.got[0]?.body as Buffer)).body).toMatch(/^水+…$/)
})

test.each([404, 410])('subscription is removed and counted when its push service answers %i', async (status) => {
  const { sender, subscriptions, counters, path } = await setUp()
  await subscriptions.add(createBrowser(`${receiver.url}/one`).subscription)
  receiver.answerWith({ status })
  expect(await sender.deliver(parcelOf(notificationOf()))).toMatchObject({ ok: true })
  expect(subscriptions.all()).toEqual([])
  expect(await readJson(path, null, keptLog().log)).toEqual([])
  expect(counters.pushSubscriptionsGone).toBe(1)
})

test('push is tried again for those alone who did not get it', async () => {
  const { sender, subscriptions } = await setUp()
  const other = await startReceiver()
  await subscriptions.add(createBrowser(`${receiver.url}/one`).subscription)
  await subscriptions.add(createBrowser(`${other.url}/two`).subscription)
  other.answerWith({ status: 503, headers: { 'retry-after': '7' } })
  const parcel = parcelOf(notificationOf())
  expect(await sender.deliver(parcel)).toMatchObject({ ok: false, isFinal: false, retryAfterMs: 7_000 })
  other.answerWith({ status: 201 })
  expect(await sender.deliver(parcel)).toMatchObject({ ok: true })
  expect([receiver.got.length, other.got.length]).toEqual([1, 2])
  await other.close()
})

test('push to nobody is done, and says so', async () => {
  const { sender } = await setUp()
  expect(await sender.deliver(parcelOf(notificationOf()))).toEqual({
    ok: true,
    detail: 'no browser has asked for it yet: nobody was told',
  })
})

const good = createBrowser('https://push.example/x').subscription
test.each([
  [null, 'endpoint'],
  [{ ...good, endpoint: 'no url' }, 'endpoint'],
  [{ ...good, endpoint: `https://push.example/${'x'.repeat(3_000)}` }, 'endpoint'],
  [{ ...good, endpoint: 'http://push.example/x' }, 'endpoint'],
  [{ ...good, keys: undefined }, 'keys.p256dh'],
  [{ ...good, keys: { ...good.keys, p256dh: Buffer.alloc(65, 4).toString('base64url') } }, 'keys.p256dh'],
  [{ ...good, keys: { ...good.keys, auth: 'AAAA' } }, 'keys.auth'],
])('subscription %# is refused and says what was wanted', async (given, member) => {
  const subscriptions = createSubscriptions([], join(tmpdir(), 'never-written.json'), isPushService)
  const problem = await subscriptions.add(given)
  expect(problem).toMatchObject({
    code: 'request_invalid',
    detail: expect.stringMatching(new RegExp(`^${member}: .* wanted$`)),
  })
})

test.each([
  ['https://fcm.googleapis.com/fcm/send/x', true],
  ['https://updates.push.services.mozilla.com/wpush/v2/x', true],
  ['http://fcm.googleapis.com/x', false],
  ['https://127.0.0.1/x', false],
  ['https://[::1]/x', false],
  ['https://169.254.169.254/x', false],
  ['https://0x7f000001/x', false],
  ['https://localhost/x', false],
  ['https://db.internal/x', false],
  ['https://me:pw@push.example/x', false],
])('%s as the address of a push service: %s', (url, isOne) => {
  expect(isPushService(new URL(url))).toBe(isOne)
})
