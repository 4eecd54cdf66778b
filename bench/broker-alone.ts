/** `broker-alone.js PORT FOLDER`: broker and journal as in dewpoint.ts, and nobody who reads what they keep. */
import pino from 'pino'
import { createBroker } from '../broker/broker.ts'
import { openJournal } from '../journal/journal.ts'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'

const [port, folder] = process.argv.slice(2) as [string, string]
const log = pino({ level: 'error' })
const journal = await openJournal({ folder, log })
const broker = await createBroker({
  listen: [{ host: '127.0.0.1', port: Number(port) }],
  credentials: null,
  statusTopic: 'sensors/{site}/{device}/status',
  accept: journal.accept,
  packets: process.env.DEWPOINT_FAST_LANE === 'off' ? null : journal,
  abandon: journal.abandon,
  nextEpoch: createEpochs(),
  isAccepting: () => true,
  counters: createCounters(),
  log,
})
setInterval(() => journal.release(journal.durable()), 1000)
process.once('SIGTERM', async () => {
  await broker.close()
  await journal.close()
  process.exit(0)
})
console.log('listening')
