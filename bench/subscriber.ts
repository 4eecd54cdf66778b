/**
 * The peer: `subscriber.js MQTT-PORT HTTP-PORT INFLUXDB-WRITE-URL TOKEN`, what one writes to bring readings from mosquitto into InfluxDB.
 * It subscribes, makes lines, and posts them in batches of our own size, without keeping, checking or counting anything that
 * Dewpoint does; PUBACK leaves when a message has come. What is written so far is told over HTTP.
 */
import { createServer } from 'node:http'
import { InfluxDB } from '@influxdata/influxdb-client'
import { connect } from 'mqtt'
import { limits } from '../telemetry/limits.ts'

const [mqttPort, httpPort, url, token] = process.argv.slice(2) as [string, string, string, string]
const { origin, pathname, search } = new URL(url)
const { transport } = new InfluxDB({ url: origin, token })
let lines: string[] = []
let isWriting = false
let stored = 0

function take(topic: string, payload: Buffer): void {
  const [, site, device, quantity] = topic.split('/')
  const { v, t, seq } = JSON.parse(payload.toString()) as { v: number; t: number; seq: number }
  // Two readings of a millisecond are two points, as they are in Dewpoint.
  const time = `${t}${String(seq % 1_000_000).padStart(6, '0')}`
  lines.push(`${quantity},site=${site},device=${device} value=${v} ${time}`)
  if (lines.length >= limits.batchPointsMax) write()
}

/** One batch is under way at a time; what comes meanwhile is the next one. */
async function write(): Promise<void> {
  if (isWriting || lines.length === 0) return
  isWriting = true
  const batch = lines
  lines = []
  await transport.request(pathname + search, batch.join('\n'), {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
  })
  stored += batch.length
  isWriting = false
  if (lines.length >= limits.batchPointsMax) write()
}

setInterval(write, limits.batchAgeMsMax)
createServer((_request, response) => {
  response.end(JSON.stringify({ stored }))
}).listen(Number(httpPort), '127.0.0.1')
const client = connect(`mqtt://127.0.0.1:${mqttPort}`, { keepalive: 0 })
client.on('message', take)
client.on('connect', () => client.subscribe('sensors/#', { qos: 1 }, () => console.log('subscribed')))
