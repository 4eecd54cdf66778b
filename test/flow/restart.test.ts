/** Our own restart: it is no outage of the devices, and an outage that stood before stands afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { deviceOf, listen, patient, storedValues } from './helpers.ts'
import { openDevice, publishPacket, type Wire } from './wire.ts'

let server: DewpointServer
let wires: Wire[]
beforeEach(async () => {
  wires = []
  server = await startDewpoint()
})
afterEach(async () => {
  for (const wire of wires) wire.socket.destroy()
  await server.close()
})

async function device(name: string): Promise<Wire> {
  const wire = await openDevice(server.mqttPort, { clientId: name, status: `sensors/r/${name}/status` })
  wires.push(wire)
  return wire
}
const becomes = (name: string, state: string) =>
  vi.waitFor(async () => expect((await deviceOf(server, name))?.state).toBe(state), patient)
async function heardAtOnce(): Promise<string[]> {
  const { heard, client } = await listen(server.mqttUrl, 'alerts/#')
  await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0), patient)
  await client.endAsync()
  return heard.map((it) => it.topic)
}
/** Longer than what watches over the grace needs to notice an end that came too early. */
const watchMs = 2_500

describe.each(['SIGTERM', 'SIGKILL'] as const)('after %s', (signal) => {
  test('devices keep their states, and an alert is retained again, when the server is back', async () => {
    const online = await device('there')
    online.socket.write(publishPacket('sensors/r/there/rainfall', '0.2', 2))
    const torn = await device('torn')
    await becomes('there', 'online')
    torn.socket.destroy()
    await becomes('torn', 'offline')
    await vi.waitFor(async () => expect(await storedValues(server, 'there')).toEqual([0.2]), patient)
    const before = { there: await deviceOf(server, 'there'), torn: await deviceOf(server, 'torn') }
    const alertsBefore = await listen(server.mqttUrl, 'alerts/#')
    await vi.waitFor(() => expect(alertsBefore.heard).toHaveLength(1), patient)
    await alertsBefore.client.endAsync()

    await server.stop(signal)
    await server.restart()
    await becomes('torn', 'offline')
    await becomes('there', 'online')
    await sleep(watchMs)
    expect(await deviceOf(server, 'there')).toMatchObject({ state: 'online', since: before.there?.since })
    expect(await deviceOf(server, 'torn')).toMatchObject({ state: 'offline', since: before.torn?.since })
    const after = await listen(server.mqttUrl, 'alerts/#')
    await vi.waitFor(() => expect(after.heard).toHaveLength(1), patient)
    await after.client.endAsync()
    // The first may have come while it was told.
    expect(after.heard[0]).toEqual({ ...alertsBefore.heard[0], retain: true })

    // Back again: what was there stays there, what was torn is well, and nothing stale is left.
    await device('there')
    await device('torn')
    await becomes('torn', 'online')
    expect(await deviceOf(server, 'there')).toMatchObject({ state: 'online', since: before.there?.since })
    const last = await device('last')
    last.socket.destroy()
    await becomes('last', 'offline')
    expect(await heardAtOnce()).toEqual(['alerts/r/last'])
  })

  test('device breaks off and is told when it comes back after the restart', async () => {
    await device('again')
    await becomes('again', 'online')
    await server.stop(signal)
    await server.restart()
    const second = await device('again')
    await becomes('again', 'online')
    second.socket.destroy()
    await becomes('again', 'offline')
    expect(await heardAtOnce()).toEqual(['alerts/r/again'])
  })
})
