/** The virtual broker writes down what the real one does: each story is played on both, and the journal hears the same. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { expect, test } from 'vitest'
import { type Broker, createBroker } from '../../broker/broker.ts'
import { createSocketTransport } from '../../devices-sim/link/socket-transport.ts'
import { createVirtualClock } from '../../devices-sim/sim-clock.ts'
import type { Connection, ConnectOptions, Transport } from '../../devices-sim/transport.ts'
import { createVirtualBroker } from '../../devices-sim/virtual/broker.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { createEpochs } from '../../telemetry/epoch.ts'
import { type Message, MessageKind } from '../../telemetry/message.ts'
import { statusTopic } from '../../telemetry/schema.ts'
import { topicPattern } from '../../telemetry/topic.ts'

const startMs = Date.UTC(2026, 0, 1)
const status = 'sensors/p/a/status'
const isStatus = (topic: string) => topicPattern(statusTopic).match(topic) !== null

type World = {
  open(options: Partial<ConnectOptions>): Connection
  /** What devices heard, `1 connected`, `1 acknowledged 7`: the number counts the connections. */
  heard: string[]
  /** Resolves when the journal has got so many messages, and devices have heard so much. */
  settled(messages: number, heard: number): Promise<void>
  restart(): Promise<void>
}
type Story = (world: World) => Promise<void>

function watched(transport: Transport, heard: string[]) {
  let connections = 0
  return (options: Partial<ConnectOptions>) => {
    const number = ++connections
    return transport.open(
      { clientId: 'a', keepAliveS: 0, clean: true, ...options },
      {
        connected: (isPresent) => heard.push(`${number} connected${isPresent ? ', session present' : ''}`),
        acknowledged: (packetId) => heard.push(`${number} acknowledged ${packetId}`),
        message: () => {},
        ponged: () => heard.push(`${number} ponged`),
        closed: (why) => heard.push(`${number} ${why}`),
      },
    )
  }
}

/** Epochs by the order in which they appear; a virtual device has no address. */
function told(messages: Message[]): string[] {
  const epochs = new Map<number, number>([[0, 0]])
  const kinds = Object.keys(MessageKind)
  return messages.map(({ kind, qos, dup, retain, packetId, epoch, client, topic, payload }) => {
    if (!epochs.has(epoch)) epochs.set(epoch, epochs.size)
    const flags = `qos ${qos}${dup ? ' dup' : ''}${retain ? ' retain' : ''} id ${packetId} epoch ${epochs.get(epoch)}`
    return `${kinds[kind]} ${client} ${flags} ${topic} ${payload.toString().replace(/"address":"[^"]*",/, '')}`
  })
}

/** Sockets are in no order among one another. */
const byConnection = (heard: string[]) => heard.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))

async function playReal(story: Story): Promise<{ messages: string[]; heard: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'virtual-broker-'))
  const messages: Message[] = []
  const heard: string[] = []
  const nextEpoch = createEpochs()
  const start = (port: number) =>
    createBroker({
      listen: [{ host: '127.0.0.1', port }],
      credentials: null,
      folder,
      statusTopic,
      async accept(message) {
        messages.push({ ...message, payload: Buffer.from(message.payload) })
      },
      abandon: () => {},
      nextEpoch,
      isAccepting: () => true,
      counters: createCounters(),
      log: pino({ level: 'silent' }),
    })
  let broker: Broker = await start(0)
  const port = broker.addresses[0]?.port as number
  const transport = createSocketTransport({ url: `mqtt://127.0.0.1:${port}`, connections: null })
  try {
    await story({
      open: watched(transport, heard),
      heard,
      async settled(wanted, hearings) {
        const deadline = performance.now() + 10_000
        while ((messages.length < wanted || heard.length < hearings) && performance.now() < deadline) await sleep(5)
        // Whatever comes that nobody expects.
        await sleep(50)
        expect(
          { messages: told(messages).length, heard: heard.length },
          told(messages).concat(heard).join('\n'),
        ).toEqual({ messages: wanted, heard: hearings })
      },
      async restart() {
        await broker.close()
        broker = await start(port)
      },
    })
    return { messages: told(messages), heard: byConnection(heard) }
  } finally {
    await transport.close()
    await broker.close()
    await rm(folder, { recursive: true })
  }
}

async function playVirtual(story: Story): Promise<{ messages: string[]; heard: string[] }> {
  const clock = createVirtualClock(startMs)
  const messages: Message[] = []
  const heard: string[] = []
  const broker = createVirtualBroker({
    clock,
    accept: (message) => messages.push(message),
    nextEpoch: createEpochs(startMs),
    isStatus,
    counters: createCounters(),
  })
  broker.start()
  const settle = () => clock.runUntil(clock.nowMs() + 2_000)
  await story({
    open: watched(broker, heard),
    heard,
    async settled(wanted, hearings) {
      settle()
      expect(told(messages).concat(heard), 'messages and what devices heard').toHaveLength(wanted + hearings)
    },
    async restart() {
      broker.stop()
      broker.start()
    },
  })
  return { messages: told(messages), heard: byConnection(heard) }
}

const will = { topic: status, payload: 'offline', qos: 1, retain: true } as const
const birth = { topic: status, payload: Buffer.from('online'), qos: 1, retain: true, dup: false, packetId: 1 } as const
const reading = { topic: 'sensors/p/a/rainfall', payload: Buffer.from('0.2'), qos: 1, retain: false } as const

const stories: { [name: string]: Story } = {
  'a device tells its birth, publishes, and breaks off': async ({ open, settled }) => {
    const device = open({ will, keepAliveS: 60 })
    await settled(2, 1)
    device.publish(birth)
    device.publish({ ...reading, dup: false, packetId: 2 })
    await settled(4, 3)
    device.publish({ ...reading, dup: true, packetId: 2 })
    device.ping()
    await settled(5, 5)
    device.drop()
    await settled(7, 5)
  },
  'a device with a will leaves by itself': async ({ open, settled }) => {
    const device = open({ will })
    await settled(2, 1)
    device.publish({ ...reading, qos: 0, dup: false, packetId: 0 })
    device.end()
    await settled(4, 2)
  },
  'a device comes back before its old connection has ended': async ({ open, settled }) => {
    open({ will })
    await settled(2, 1)
    const second = open({ will })
    await settled(5, 3)
    second.publish(birth)
    await settled(6, 4)
    second.drop()
    await settled(8, 4)
  },
  'a device without a will falls silent for longer than its keep alive': async ({ open, settled }) => {
    open({ keepAliveS: 1 })
    await settled(3, 2)
  },
  'a device with a will falls silent for longer than its keep alive': async ({ open, settled }) => {
    open({ keepAliveS: 1, will })
    await settled(4, 2)
  },
  'a device publishes what nobody may': async ({ open, settled }) => {
    const device = open({})
    await settled(2, 1)
    device.publish({ ...reading, topic: '$SYS/x', dup: false, packetId: 1 })
    await settled(3, 2)
  },
  'a device publishes more than a packet may hold': async ({ open, settled }) => {
    const device = open({})
    await settled(2, 1)
    device.publish({ ...reading, payload: Buffer.alloc(256 * 1024), dup: false, packetId: 1 })
    await settled(3, 2)
  },
  'a device has a session that is kept': async ({ open, settled }) => {
    const first = open({ clean: false })
    await settled(2, 1)
    first.subscribe('commands/p/a/#', 1)
    await settled(2, 1)
    first.end()
    await settled(3, 2)
    const second = open({ clean: false })
    await settled(4, 3)
    second.end()
    await settled(5, 4)
    open({ clean: true })
    await settled(6, 5)
  },
  'the server starts again while a device is connected': async ({ open, settled, restart }) => {
    open({ will })
    await settled(2, 1)
    await restart()
    await settled(3, 2)
    const again = open({ will })
    await settled(4, 3)
    again.end()
    await settled(5, 4)
  },
}

for (const [name, story] of Object.entries(stories)) {
  test(`virtual broker says what the real one does when ${name}`, async () => {
    const real = await playReal(story)
    const virtual = await playVirtual(story)
    expect(virtual).toEqual(real)
    expect(real.messages.length).toBeGreaterThan(2)
  })
}
