/** Publishes readings to one topic with QoS 1, with a bounded number of them on their way. */
import { connectAsync } from 'mqtt'
import { encodeValue, type NumberReading } from '../telemetry/codec/value.ts'

export type Publisher = {
  /** Resolves when the next one may be published. */
  publish(reading: NumberReading): Promise<void>
  /** No acknowledgement came for stallMsMax though some are due. */
  isStalled(): boolean
  /** Waits for the acknowledgements that are due, or until it is stalled; answers how many came in all. */
  close(): Promise<number>
}

const windowMax = 100
const stallMsMax = 30_000
const connectMsMax = 10_000

/** Answers the reason as text when the broker cannot be reached. */
export async function createPublisher(url: string, topic: string): Promise<Publisher | string> {
  const options = {
    clientId: `replay-${topic.replaceAll('/', '-')}`,
    connectTimeout: connectMsMax,
    reconnectPeriod: 500,
    reconnectOnConnackError: true,
  }
  const client = await connectAsync(url, options, false).catch((error: Error) => error)
  if (client instanceof Error) return client.message || String((client as NodeJS.ErrnoException).code)
  // Once connected, MQTT.js reconnects by itself and sends again what was not acknowledged.
  client.on('error', () => {})

  let sent = 0
  let acknowledged = 0
  let isStalled = false
  let proceed = () => {}
  let watchdog: NodeJS.Timeout | undefined
  const isDue = (outstanding: number) => sent - acknowledged > outstanding && !isStalled
  const watch = () => {
    clearTimeout(watchdog)
    if (acknowledged === sent) return
    watchdog = setTimeout(() => {
      isStalled = true
      proceed()
    }, stallMsMax)
  }
  const waitWhileDue = async (outstanding: number) => {
    while (isDue(outstanding)) await new Promise<void>((resolve) => (proceed = resolve))
  }

  return {
    async publish(reading) {
      sent++
      if (sent - acknowledged === 1) watch()
      client.publish(topic, encodeValue(reading), { qos: 1 }, (error) => {
        if (error) return
        acknowledged++
        watch()
        proceed()
      })
      await waitWhileDue(windowMax - 1)
    },
    isStalled: () => isStalled,
    async close() {
      await waitWhileDue(0)
      clearTimeout(watchdog)
      await client.endAsync(isStalled)
      return acknowledged
    },
  }
}
