/** Devices on raw sockets whose connections break, and everybody who is told of it: a webhook's receiver and an MQTT subscriber. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectAsync } from 'mqtt'
import { openDevice, type Wire } from '../test/flow/wire.ts'

/** Each at a site of its own: nobody shares a cause with it. */
export const siteOf = (name: string) => `site-of-${name}`

export const openDropped = (port: number, name: string): Promise<Wire> =>
  openDevice(port, { clientId: name, status: `sensors/${siteOf(name)}/${name}/status` })

export const ways = ['webhook', 'MQTT'] as const
export type Way = (typeof ways)[number]

export type Told = { way: Way; kind: string; device: string; atMs: number }

/** What was told of devices, as it came; `atMs` by performance.now(). Another subject than a device has the device ''. */
export type Listeners = {
  told: Told[]
  hookUrl: string
  listen(mqttPort: number): Promise<void>
  close(): Promise<void>
}

export async function startListeners(onTold: (told: Told) => void): Promise<Listeners> {
  const told: Told[] = []
  const hear = (way: Way, kind: string, device: string, atMs: number) => {
    const it = { way, kind, device, atMs }
    told.push(it)
    onTold(it)
  }
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const atMs = performance.now()
      response.end()
      type Body = { alerts: Array<{ kind: string; subject: { device?: string } }> }
      const { alerts } = JSON.parse(Buffer.concat(chunks).toString()) as Body
      for (const { kind, subject } of alerts) hear('webhook', kind, subject.device ?? '', atMs)
    })
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  let end = async () => {}
  return {
    told,
    hookUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    async listen(mqttPort) {
      const client = await connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { reconnectPeriod: 0 })
      client.on('message', (_topic, payload) => {
        const atMs = performance.now()
        // An empty one takes back what was retained.
        if (payload.length === 0) return
        const { kind, device } = JSON.parse(payload.toString()) as { kind: string; device?: string }
        hear('MQTT', kind, device ?? '', atMs)
      })
      await client.subscribeAsync('alerts/#', { qos: 1 })
      end = () => client.endAsync()
    },
    async close() {
      await end()
      receiver.closeAllConnections()
      receiver.close()
    },
  }
}
