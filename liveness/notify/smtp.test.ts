import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createActionLinks } from './actions.ts'
import { atMs, chartFake, notificationOf, parcelOf } from './notification.fake.ts'
import type { Sender } from './parcel.ts'
import { createSmtp } from './smtp.ts'
import { createTemplates } from './templates.ts'

type Mail = { from: string; to: string[]; source: string; user: string }
const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A real server that takes mail of `me` with `p@ss`. */
async function startServer(refuse: (to: string) => Error | null = () => null) {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      password === 'p@ss' ? done(null, { user: username ?? '' }) : done(new Error('no')),
    onRcptTo: ({ address }, _session, done) => done(refuse(address) ?? undefined),
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString(),
          user: String(session.user ?? ''),
        })
        done()
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  closers.push(() => new Promise((resolve) => server.close(() => resolve())))
  return { mails, port: (server.server.address() as AddressInfo).port }
}

function smtpOf(url: string): Sender {
  const config = { name: 'mail', perMinuteMax: 60, title: '', text: '' }
  const publicUrl = 'https://dewpoint.example'
  const links = createActionLinks(randomBytes(32), publicUrl)
  const templates = createTemplates({ config, publicUrl, links, nowMs: () => atMs })
  const sender = createSmtp(
    {
      ...config,
      type: 'smtp',
      url,
      from: 'Dewpoint <dewpoint@example.org>',
      to: ['ops@example.org', 'boss@example.org'],
    },
    templates,
  )
  closers.push(() => sender.close())
  return sender
}

const headerOf = (source: string, name: string) =>
  new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(source.split('\r\n\r\n')[0] as string)?.[1]
/** Bodies of a mail as they read, transfer encodings undone. */
const bodyOf = (source: string) =>
  source.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))

test('mail carries text, HTML, picture and links to everybody', async () => {
  const { mails, port } = await startServer()
  const sender = smtpOf(`smtp://me:p%40ss@127.0.0.1:${port}`)
  expect(await sender.deliver(parcelOf(notificationOf('fired', { why: 'a <b> & c' }, chartFake)))).toMatchObject({
    ok: true,
  })
  const [mail] = mails as [Mail]
  expect(mail).toMatchObject({ from: 'dewpoint@example.org', to: ['ops@example.org', 'boss@example.org'], user: 'me' })
  expect(headerOf(mail.source, 'subject')).toBe('well-3 is offline')
  expect(headerOf(mail.source, 'auto-submitted')).toBe('auto-generated')
  expect(headerOf(mail.source, 'importance')).toBe('high')
  const body = bodyOf(mail.source)
  expect(body).toContain('a <b> & c\r\ncritical, since 2026-11-24 14:01 UTC')
  expect(body).toContain('Acknowledge: https://dewpoint.example/act/')
  expect(body).toContain('<p>a &lt;b&gt; &amp; c</p>')
  expect(body).toContain('<img src="cid:chart@dewpoint"')
  expect(mail.source).toMatch(/Content-Type: image\/png; name=chart.png\r\nContent-ID: <chart@dewpoint>/i)
})

test('mails of one alert are one conversation, and the same mail sent again is the same', async () => {
  const { mails, port } = await startServer()
  const sender = smtpOf(`smtp://127.0.0.1:${port}`)
  for (const kind of ['fired', 'fired', 'resolved'] as const) await sender.deliver(parcelOf(notificationOf(kind)))
  const ids = mails.map(({ source }) => headerOf(source, 'message-id'))
  expect(ids[0]).toBe(ids[1])
  expect(ids[2]).not.toBe(ids[0])
  expect(new Set(mails.map(({ source }) => headerOf(source, 'references'))).size).toBe(1)
})

test('mail has no header that a name of a device brought along', async () => {
  const { mails, port } = await startServer()
  const title = 'a\r\nBcc: thief@example.org\r\n\r\nb'
  await smtpOf(`smtp://127.0.0.1:${port}`).deliver(parcelOf(notificationOf('fired', { title })))
  expect(headerOf(mails[0]?.source ?? '', 'subject')).toBe('a Bcc: thief@example.org b')
  expect(headerOf(mails[0]?.source ?? '', 'bcc')).toBeUndefined()
  expect(mails[0]?.to).not.toContain('thief@example.org')
})

test('mail is tried again when the server is away, slow to admit or wants another password, and no detail tells it', async () => {
  const { mails, port } = await startServer()
  const refused = await smtpOf('smtp://me:p%40ss@127.0.0.1:1').deliver(parcelOf(notificationOf()))
  expect(refused).toMatchObject({ ok: false, isFinal: false, detail: 'ECONNREFUSED' })
  const wrong = await smtpOf(`smtp://me:wr0ng@127.0.0.1:${port}`).deliver(parcelOf(notificationOf()))
  expect(wrong).toMatchObject({ ok: false, isFinal: false, detail: 'EAUTH, answered 535' })
  expect(mails).toEqual([])
})

test('mail is tried again or not as the server says of its recipients', async () => {
  const later = await startServer(() => Object.assign(new Error('greylisted'), { responseCode: 450 }))
  expect(await smtpOf(`smtp://127.0.0.1:${later.port}`).deliver(parcelOf(notificationOf()))).toMatchObject({
    isFinal: false,
  })
  const never = await startServer(() => Object.assign(new Error('nobody'), { responseCode: 550 }))
  expect(await smtpOf(`smtp://127.0.0.1:${never.port}`).deliver(parcelOf(notificationOf()))).toMatchObject({
    isFinal: true,
  })
})

test('mail goes to the recipients that are left when the server refuses one', async () => {
  const { mails, port } = await startServer((to) => (to.startsWith('boss') ? new Error('nobody') : null))
  expect(await smtpOf(`smtp://127.0.0.1:${port}`).deliver(parcelOf(notificationOf()))).toMatchObject({ ok: true })
  expect(mails[0]?.to).toEqual(['ops@example.org'])
})

test('a password is not sent without TLS beyond this machine', async () => {
  const { mails, port } = await startServer()
  // Another address of this machine stands for a server elsewhere.
  const relay = createServer((socket) => {
    const behind = connect(port, '127.0.0.1')
    socket.pipe(behind).pipe(socket)
    for (const it of [socket, behind]) it.on('error', () => {})
  })
  relay.listen(0, '127.0.0.3')
  await once(relay, 'listening')
  closers.push(() => new Promise((resolve) => relay.close(() => resolve())))
  const sender = smtpOf(`smtp://me:p%40ss@127.0.0.3:${(relay.address() as AddressInfo).port}`)
  expect(await sender.deliver(parcelOf(notificationOf()))).toMatchObject({ ok: false, isFinal: false })
  expect(mails).toEqual([])
})

test('a server that accepts and then says nothing is given up', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  const startedAtMs = performance.now()
  const outcome = await smtpOf(`smtp://127.0.0.1:${(server.address() as AddressInfo).port}`).deliver(
    parcelOf(notificationOf()),
  )
  expect(outcome).toMatchObject({ ok: false, isFinal: false })
  expect(performance.now() - startedAtMs).toBeLessThan(limits.notifierTryMsMax + 2_000)
})
