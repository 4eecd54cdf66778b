/** Clients that people use, against the compiled program: what they publish is stored, and what they hear is live. */
import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, deviceOf, patient, run, storedValues } from '../flow/helpers.ts'
import { openDevice } from '../flow/wire.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { commandPath, needs, pahoPython } from '../servers/tools.ts'

let server: DewpointServer
beforeAll(async () => {
  server = await startDewpoint()
})
afterAll(async () => {
  const { received, accepted, refused, waiting, stored, quarantined, duplicate, held } = await server.drained()
  await server.close()
  expect(received).toBe(accepted + refused + waiting)
  expect(accepted).toBe(stored + quarantined + duplicate + held)
})

const at = () => ['-h', '127.0.0.1', '-p', String(server.mqttPort)]

describe.skipIf(needs({ mosquittoClients: true }) !== null)('mosquitto', () => {
  const publish = async (args: string[], input?: string) => {
    const { status, stderr } = await run(commandPath('mosquitto_pub') as string, [...at(), ...args], {
      ...(input !== undefined && { input }),
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  }
  const started: ChildProcess[] = []
  afterEach(() => {
    for (const child of started.splice(0)) child.kill()
  })
  /** Lines that mosquitto_sub prints: topic and payload. */
  const subscribe = (...args: string[]): string[] => {
    const child = spawn(commandPath('mosquitto_sub') as string, [...at(), '-v', ...args])
    started.push(child)
    const lines: string[] = []
    let rest = ''
    child.stdout.on('data', (bytes) => {
      const [last = '', ...whole] = (rest + bytes).split('\n').reverse()
      rest = last
      lines.push(...whole.reverse())
    })
    return lines
  }

  test.each(['0', '1', '2'])('mosquitto_pub is stored when it publishes one reading with QoS %s', async (qos) => {
    await publish(['-q', qos, '-t', `sensors/mosquitto/one-${qos}/rainfall`, '-m', '0.2'])
    await vi.waitFor(async () => expect(await storedValues(server, `one-${qos}`)).toEqual([0.2]), patient)
  })

  test.each(['0', '1', '2'])('mosquitto_pub is stored when it publishes 500 lines with QoS %s', async (qos) => {
    const values = Array.from({ length: 500 }, (_, i) => i / 10)
    await publish(['-q', qos, '-l', '-t', `sensors/mosquitto/lines-${qos}/pulse`], `${values.join('\n')}\n`)
    const device = `lines-${qos}`
    await vi.waitFor(async () => expect(await storedValues(server, device, 'pulse')).toHaveLength(500), patient)
    expect(await storedValues(server, device, 'pulse')).toEqual(values)
  })

  test('mosquitto_pub is stored once when its reading is retained, and subscribers get it later', async () => {
    await publish(['-q', '1', '-r', '-t', 'sensors/mosquitto/kept/rainfall', '-m', '0.4'])
    const lines = subscribe('-q', '1', '-t', 'sensors/mosquitto/kept/#')
    await vi.waitFor(() => expect(lines).toEqual(['sensors/mosquitto/kept/rainfall 0.4']), patient)
    expect(await storedValues(server, 'kept')).toEqual([0.4])
  })

  test.each(['0', '1'])(
    'mosquitto_sub hears what another client publishes when it subscribes with QoS %s',
    async (qos) => {
      const topic = `sensors/live/live-${qos}`
      await publish(['-q', '1', '-r', '-t', `${topic}/status`, '-m', 'online'])
      const lines = subscribe('-q', qos, '-t', `${topic}/#`)
      // The retained birth comes behind SUBACK: from here on nothing is missed.
      await vi.waitFor(() => expect(lines).toEqual([`${topic}/status online`]), patient)
      await publish(['-q', qos, '-t', `${topic}/voltage`, '-m', '3.7'])
      await publish(['-q', qos, '-t', `${topic}/voltage`, '-m', '3.6'])
      await vi.waitFor(() => expect(lines).toHaveLength(3), patient)
      expect(lines.slice(1)).toEqual([`${topic}/voltage 3.7`, `${topic}/voltage 3.6`])
    },
  )

  test('mosquitto_sub gets the alert of a device when it subscribes after the device broke off', async () => {
    const status = 'sensors/mosquitto/broken/status'
    const device = await openDevice(server.mqttPort, { clientId: 'broken', status })
    device.socket.destroy()
    await vi.waitFor(async () => expect((await deviceOf(server, 'broken'))?.state).toBe('offline'), patient)
    const lines = subscribe('-q', '1', '-t', 'alerts/#')
    await vi.waitFor(() => expect(lines).toHaveLength(1), patient)
    expect(lines[0]).toMatch(/^alerts\/mosquitto\/broken \{"alert":"device-offline",/)
  })
})

describe('MQTT.js', () => {
  test.each([0, 1, 2] as const)('client is stored when it publishes 300 readings with QoS %i', async (qos) => {
    const client = await connect(server.mqttUrl)
    const values = Array.from({ length: 300 }, (_, i) => 0.5 - i / 8)
    const topic = `sensors/mqttjs/js-${qos}/voltage`
    await Promise.all(values.map((value) => client.publishAsync(topic, String(value), { qos })))
    await client.endAsync()
    await vi.waitFor(async () => expect(await storedValues(server, `js-${qos}`, 'voltage')).toHaveLength(300), patient)
    expect(await storedValues(server, `js-${qos}`, 'voltage')).toEqual(values)
  })
})

/** Arguments: port, QoS, topic, count. It ends with 0 when everything was acknowledged. */
const pahoProgram = `
import sys
import paho.mqtt.client as mqtt
port, qos, topic, count = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.connect('127.0.0.1', port)
client.loop_start()
sent = [client.publish(topic, str(i / 4), qos=qos) for i in range(count)]
for info in sent:
    info.wait_for_publish(20)
acknowledged = sum(info.is_published() for info in sent)
client.disconnect()
client.loop_stop()
sys.exit(0 if acknowledged == count else f'{acknowledged} of {count} acknowledged')
`

describe.skipIf(needs({ paho: true }) !== null)('Paho', () => {
  test.each([1, 2])('client is stored when it publishes 300 readings with QoS %i', async (qos) => {
    const topic = `sensors/paho/py-${qos}/pulse`
    const args = ['-c', pahoProgram, String(server.mqttPort), String(qos), topic, '300']
    const { status, stderr } = await run(pahoPython() as string, args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const values = await storedValues(server, `py-${qos}`, 'pulse')
    expect(values).toEqual(Array.from({ length: 300 }, (_, i) => i / 4))
  })
})
