/** The live stream of the page: what a device does is told while it happens. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type DeviceAnswer, deviceOf, patient } from './helpers.ts'
import { openDevice, publishPacket } from './wire.ts'

let server: DewpointServer
beforeAll(async () => {
  server = await startDewpoint()
})
afterAll(() => server.close())

const undo: Array<() => unknown> = []
afterEach(() => {
  for (const step of undo.splice(0)) step()
})

/** Server-sent events of /api/live, parsed as they come. */
async function openLive(): Promise<Array<{ event: string; data: unknown }>> {
  const stop = new AbortController()
  undo.push(() => stop.abort())
  const response = await fetch(`${server.httpUrl}/api/live`, { signal: stop.signal })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const events: Array<{ event: string; data: unknown }> = []
  const read = async () => {
    let rest = ''
    for await (const bytes of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + bytes).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1]
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (event !== undefined && data !== undefined) events.push({ event, data: JSON.parse(data) })
      }
    }
  }
  read().catch(() => {})
  return events
}

test('live stream tells states and readings when a device comes, sends and breaks off', async () => {
  const events = await openLive()
  const fields = { clientId: 'shown', status: 'sensors/p/shown/status' }
  const wire = await openDevice(server.mqttPort, fields)
  const name = { site: 'p', device: 'shown' }
  const changes = () => events.filter((it) => it.event === 'device').map((it) => it.data)
  await vi.waitFor(() => expect(changes()).toMatchObject([{ ...name, state: 'online' }]), patient)

  wire.socket.write(publishPacket('sensors/p/shown/rainfall', '{"v":0.6,"t":"2026-11-23T07:00:00Z"}', 2))
  const reading = { ...name, channel: 'rainfall', value: 0.6, unit: 'mm', time: '2026-11-23T07:00:00.000Z' }
  const shown = () => events.filter((it) => it.event === 'readings').flatMap((it) => it.data as object[])
  await vi.waitFor(() => expect(shown()).toMatchObject([reading]), patient)

  wire.socket.destroy()
  const why = 'connection broke without a DISCONNECT'
  const offline = { ...name, state: 'offline', why }
  await vi.waitFor(() => expect(changes()).toMatchObject([{ state: 'online' }, offline]), patient)
  const { latest: _, ...answer } = (await deviceOf(server, 'shown')) as DeviceAnswer
  expect(changes()[1]).toEqual(answer)
})

test('live stream ends when the server stops, and its reader learns of it', async () => {
  const response = await fetch(`${server.httpUrl}/api/live`)
  await server.stop()
  expect(await response.text()).toContain('retry: ')
  await server.restart()
})
