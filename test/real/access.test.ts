// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
/** Credentials of devices in the compiled program, by the command that makes them and the clients that people use. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Ended, patient, refusals, repository, run, storedValues } from '../flow/helpers.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { commandPath, needs } from '../servers/tools.ts'

const env = { DEVICE_KEY: 'a-key-of-all-devices-of-the-fleet-7', ANN_PASSWORD: 'secret' }
let server: DewpointServer
beforeAll(async () => {
  const access = 'access: { derivedKey: "${DEVICE_KEY}", operators: [{ username: ann, password: "${ANN_PASSWORD}" }] }'
  server = await startDewpoint({ broker: `  ${access}\n`, env })
})
afterAll(() => server.close())

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill()
})

async function device(...args: string[]): Promise<string> {
  const program = ['--enable-source-maps', join(repository, 'dist', 'cli.js'), 'device', ...args]
  const where = ['--config', server.config, '--data', server.data]
  const { status, stdout, stderr } = await run(process.execPath, [...program, ...where], { env })
  expect({ status, stderr }).toMatchObject({ status: 0 })
  return stdout.trimEnd()
}
const at = (user: string, password: string) => [
  ...['-h', '127.0.0.1', '-p', String(server.mqttPort), '-u', user, '-P', password],
]
const publish = (user: string, password: string, topic: string, ...more: string[]): Promise<Ended> =>
  run(commandPath('mosquitto_pub') as string, [...at(user, password), '-q', '1', '-t', topic, '-m', '0.2', ...more])

describe.skipIf(needs({ mosquittoClients: true }) !== null)('mosquitto', () => {
  test('mosquitto_pub is stored under the name of its device, and nowhere else', async () => {
    const password = await device('add', 'home/gauge-7')
    await vi.waitFor(async () => {
      expect((await publish('gauge-7', password, 'sensors/home/gauge-7/rainfall')).status).toBe(0)
    }, patient)
    expect((await publish('home/gauge-7', password, 'sensors/home/gauge-7/rainfall')).status).toBe(0)
    expect((await publish('home/gauge-7', password, 'sensors/home/gauge-8/rainfall')).status).not.toBe(0)
    const refused = await refusals(server, 'bad_credentials')
    expect((await publish('home/gauge-7', 'wrong', 'sensors/home/gauge-7/rainfall')).stderr).toMatch(/bad user name/)
    expect(await storedValues(server, 'gauge-7')).toEqual([0.2, 0.2])
    expect(await storedValues(server, 'gauge-8')).toEqual([])
    expect(await refusals(server, 'topic_denied')).toBe(1)
    expect(await refusals(server, 'bad_credentials')).toBe(refused + 1)
  })

  test('mosquitto_pub gets in with a derived password of its own, not with that of another', async () => {
    const [own, other] = [await device('password', 'barn/gauge-1'), await device('password', 'barn/gauge-2')]
    expect((await publish('barn/gauge-1', own, 'sensors/barn/gauge-1/rainfall')).status).toBe(0)
    expect((await publish('barn/gauge-1', other, 'sensors/barn/gauge-1/rainfall')).status).not.toBe(0)
    expect(await storedValues(server, 'gauge-1')).toEqual([0.2])
  })

  test('mosquitto_sub is disconnected when its device is revoked, and comes in by a new password only', async () => {
    const password = await device('password', 'home/gauge-9')
    const topic = 'commands/home/gauge-9/#'
    const session = ['-i', 'gauge-9', '-c', '-q', '1', '-t', topic]
    const args = [...at('home/gauge-9', password), ...session, '-v']
    const subscriber = spawn(commandPath('mosquitto_sub') as string, args)
    started.push(subscriber)
    let heard = ''
    subscriber.stdout.on('data', (bytes) => {
      heard += bytes
    })
    await vi.waitFor(async () => {
      await publish('ann', 'secret', 'commands/home/gauge-9/hello')
      expect(heard).toContain('commands/home/gauge-9/hello 0.2')
    }, patient)

    const ended = once(subscriber, 'close')
    await device('revoke', 'home/gauge-9')
    expect((await ended)[0]).not.toBe(0)
    await publish('ann', 'secret', 'commands/home/gauge-9/old')
    const next = await device('add', 'home/gauge-9')
    expect((await publish('home/gauge-9', password, 'sensors/home/gauge-9/rainfall')).status).not.toBe(0)
    await vi.waitFor(async () => {
      expect((await publish('home/gauge-9', next, 'sensors/home/gauge-9/rainfall', '-i', 'gauge-9:pub')).status).toBe(0)
    }, patient)
    // Nothing waits for it: -W ends the wait.
    const back = await run(commandPath('mosquitto_sub') as string, [
      ...at('home/gauge-9', next),
      ...session,
      '-v',
      '-W',
      '1',
    ])
    expect(back.stdout).toBe('')
  })
})
