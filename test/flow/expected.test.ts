/** Devices of the devices file that never reported, through the whole program. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { connect, type DeviceAnswer, metric, patient, repository, run } from './helpers.ts'

let server: DewpointServer
beforeEach(async () => {
  server = await startDewpoint({
    broker: '  access: { rules: { publish: ["sensors/{site}/{device}/#"], subscribe: [] } }\n',
  })
})
afterEach(() => server.close())

/** Answers what it printed: for `add` the password. */
async function device(...args: string[]): Promise<string> {
  const options = ['--config', server.config, '--data', server.data]
  const { status, stdout, stderr } = await run(process.execPath, [
    join(repository, 'dist', 'cli.js'),
    'device',
    ...args,
    ...options,
  ])
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout.trim()
}
async function states(): Promise<Record<string, string>> {
  const devices = await server.get<DeviceAnswer[]>('/api/devices')
  return Object.fromEntries(devices.map((it) => [`${it.site}/${it.device}`, it.state]))
}

test('device of the devices file is never seen until it reports, also over a restart, and gone when it is revoked', async () => {
  expect(await states()).toEqual({})
  const password = await device('add', 'home/gauge-7')
  await device('add', 'home/gauge-8')
  await vi.waitFor(
    async () => expect(await states()).toEqual({ 'home/gauge-7': 'never-seen', 'home/gauge-8': 'never-seen' }),
    patient,
  )
  const [answer] = await server.get<DeviceAnswer[]>('/api/devices?state=never-seen&limit=1')
  expect(answer).toMatchObject({ lastSeen: null, why: 'it has a credential, and was not heard yet' })
  expect(await metric(server, 'dewpoint_devices{state="never-seen"}')).toBe(2)

  const client = await connect(server.mqttUrl, { username: 'home/gauge-7', password, clientId: 'gauge-7' })
  await client.publishAsync('sensors/home/gauge-7/rainfall', '0.2', { qos: 1 })
  await vi.waitFor(
    async () => expect(await states()).toEqual({ 'home/gauge-7': 'online', 'home/gauge-8': 'never-seen' }),
    patient,
  )
  await client.endAsync()
  await server.stop()
  await server.restart()
  expect((await states())['home/gauge-8']).toBe('never-seen')
  await device('revoke', 'home/gauge-8')
  await vi.waitFor(async () => expect(Object.keys(await states())).toEqual(['home/gauge-7']), patient)
})
