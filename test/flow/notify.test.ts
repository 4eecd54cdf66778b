/** From a device to those who are told of it: webhook, mail and MQTT, receivers that are killed, and our own restart in between. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { type Got, startReceiver } from '../../liveness/notify/receiver.fake.ts'
import { limits } from '../../telemetry/limits.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type MailServer, startMailServer } from '../servers/mail.ts'
import { connect, deviceOf, type Heard, listen, patient } from './helpers.ts'
import { openDevice } from './wire.ts'

type Told = {
  title: string
  text: string
  chart: { type: string; base64: string } | null
  actions: Array<{ action: string; url: string }>
  alerts: Array<{ kind: string; id: string; state: string; devices: Array<{ device: string }> }>
}
type Notifier = { name: string; type: string; queued: number; sent: number; failed: number; lastError: string | null }
type ListedAlert = { id: string; acknowledged: { by: string } | null; mutedUntil: string | null }

const undo: Array<() => unknown> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function receiverOn(port = 0) {
  const receiver = await startReceiver(port)
  undo.push(() => receiver.close())
  return receiver
}
async function mailServer(): Promise<MailServer> {
  const mail = await startMailServer()
  undo.push(() => mail.stop())
  return mail
}
async function serve(hookUrl: string, mailUrl: string): Promise<DewpointServer> {
  const server = await startDewpoint({
    config: `
alerts:
  publicUrl: https://dewpoint.example
  rules:
    - { name: offline, when: { state: [offline, lost] }, severity: critical }
    - { name: battery, when: { channel: voltage, below: 3.4, clear: 3.5 } }
notifiers:
  hook: { type: webhook, url: "${hookUrl}", format: generic, secret: s3cret }
  mail: { type: smtp, url: "${mailUrl}", from: dewpoint@example.org, to: [ops@example.org] }
  bus: { type: mqtt, topic: told }
`,
  })
  undo.push(() => server.close())
  return server
}
async function follow(server: DewpointServer): Promise<Heard[]> {
  const { heard, client } = await listen(server.mqttUrl, 'told/#')
  undo.push(() => client.end(true))
  return heard
}
async function drop(server: DewpointServer, name: string): Promise<void> {
  const wire = await openDevice(server.mqttPort, { clientId: name, status: `sensors/p/${name}/status`, keepAliveS: 0 })
  await vi.waitFor(async () => expect((await deviceOf(server, name))?.state).toBe('online'), patient)
  wire.socket.destroy()
  await vi.waitFor(async () => expect((await deviceOf(server, name))?.state).toBe('offline'), patient)
}
const toldBy = (got: Got[]): Told[] => got.map(({ body }) => JSON.parse(body.toString()))
/** What each alert was told as: `fired gone`. */
const newsOf = (got: Got[]) =>
  toldBy(got).flatMap(({ alerts }) => alerts.map(({ kind, devices }) => `${kind} ${devices[0]?.device}`))
const subjects = ({ mails }: MailServer) => mails.map((source) => /^Subject: (.*)$/m.exec(source)?.[1]?.trim())
const notifier = async (server: DewpointServer, name: string) =>
  (await server.get<Notifier[]>('/api/notifiers')).find((it) => it.name === name)

test('webhook, mail and MQTT are told when a device breaks off, and when it is back', async () => {
  const hook = await receiverOn()
  const mail = await mailServer()
  const server = await serve(hook.url, mail.url)
  const heard = await follow(server)
  await drop(server, 'gone')
  await vi.waitFor(() => expect([hook.got.length, mail.mails.length, heard.length]).toEqual([1, 1, 1]), patient)
  expect(newsOf(hook.got)).toEqual(['fired gone'])
  expect(hook.got[0]?.headers['dewpoint-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/)
  expect(subjects(mail)).toEqual(['p/gone is offline'])
  expect(heard[0]?.topic).toBe('told/p/gone')

  const back = await openDevice(server.mqttPort, { clientId: 'gone', status: 'sensors/p/gone/status', keepAliveS: 0 })
  undo.push(() => back.socket.destroy())
  await vi.waitFor(() => expect([hook.got.length, mail.mails.length, heard.length]).toEqual([2, 2, 3]), patient)
  expect(newsOf(hook.got)).toEqual(['fired gone', 'resolved gone'])
  expect(heard.at(-1)?.payload).toBe('')
})

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'nothing is lost when receivers are killed and Dewpoint ends by %s before they are back',
  async (signal) => {
    const hook = await startReceiver()
    const mail = await mailServer()
    const server = await serve(hook.url, mail.url)
    await drop(server, 'before')
    // Their answers are here too: what is not known to have arrived is told again.
    await vi.waitFor(async () => {
      for (const name of ['hook', 'mail']) expect(await notifier(server, name)).toMatchObject({ sent: 1, queued: 0 })
    }, patient)
    // What was told within so much before a kill is told again; what was not told is never lost.
    await sleep(2 * limits.notifierSaveMs)
    await Promise.all([hook.close(), mail.stop()])
    const heard = await follow(server)
    await drop(server, 'meanwhile')
    // Those who are there are told, whoever is away.
    await vi.waitFor(() => expect(heard.map(({ topic }) => topic)).toContain('told/p/meanwhile'), patient)
    await vi.waitFor(async () => {
      expect(await notifier(server, 'hook')).toMatchObject({ queued: 1, lastError: 'ECONNREFUSED' })
      expect(await notifier(server, 'mail')).toMatchObject({ queued: 1 })
    }, patient)
    await server.stop(signal)

    const again = await receiverOn(hook.port)
    await mail.start()
    await server.restart()
    await vi.waitFor(() => expect(newsOf(again.got)).toContain('fired meanwhile'), patient)
    await vi.waitFor(() => expect(subjects(mail)).toContain('p/meanwhile is offline'), patient)
    // Who was told is not told again.
    expect(newsOf(again.got)).toEqual(['fired meanwhile'])
    expect(subjects(mail)).toEqual(['p/before is offline', 'p/meanwhile is offline'])
    const kept = await follow(server)
    await vi.waitFor(
      () => expect(kept.map(({ topic }) => topic).toSorted()).toEqual(['told/p/before', 'told/p/meanwhile']),
      patient,
    )
    expect(kept.every(({ retain }) => retain)).toBe(true)
  },
)

test('a low value is told with its picture, and the links of the message acknowledge and mute it', async () => {
  const hook = await receiverOn()
  const mail = await mailServer()
  const server = await serve(hook.url, mail.url)
  const client = await connect(server.mqttUrl)
  undo.push(() => client.end(true))
  const publish = (value: number) => client.publishAsync('sensors/p/cell/voltage', `${value}`, { qos: 1 })
  for (const value of [3.8, 3.7, 3.6]) await publish(value)
  await server.drained()
  await publish(3.3)
  await vi.waitFor(() => expect([hook.got.length, mail.mails.length]).toEqual([1, 1]), patient)
  const [told] = toldBy(hook.got)
  expect(told?.title).toBe('p/cell: voltage is 3.3 V')
  expect(
    Buffer.from(told?.chart?.base64 ?? '', 'base64')
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG')
  expect(mail.mails[0]).toContain('Content-Type: image/png')

  const act = async (action: string) => {
    const { pathname } = new URL(told?.actions.find((it) => it.action === action)?.url ?? '')
    return (await fetch(server.httpUrl + pathname, { method: 'POST' })).status
  }
  const alert = async () => (await server.get<ListedAlert[]>('/api/alerts'))[0]
  expect(await act('acknowledge')).toBe(200)
  expect(await alert()).toMatchObject({ acknowledged: { by: 'hook' }, mutedUntil: null })
  expect(await act('mute')).toBe(200)
  expect(Date.parse((await alert())?.mutedUntil ?? '')).toBeGreaterThan(Date.now() + 3_000_000)
})

test('each notifier has a test that arrives at its receiver', async () => {
  const hook = await receiverOn()
  const mail = await mailServer()
  const server = await serve(hook.url, mail.url)
  const heard = await follow(server)
  for (const name of ['hook', 'mail', 'bus']) {
    const answer = await fetch(`${server.httpUrl}/api/notifiers/${name}/test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(await answer.json()).toEqual({ ok: true, detail: 'sent' })
  }
  expect(toldBy(hook.got)[0]?.title).toBe('Test: Dewpoint reaches hook')
  expect(subjects(mail)).toEqual(['Test: Dewpoint reaches mail'])
  await vi.waitFor(
    () => expect(heard.map(({ topic, retain }) => [topic, retain])).toEqual([['told/test', false]]),
    patient,
  )
})
