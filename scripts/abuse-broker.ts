/**
 * npm run abuse -- [connections] [seed]: a hostile network against a broker in a process of its own; exit 1 when it
 * falls, grows without bound, or an honest client suffers.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import pino from 'pino'
import { createBroker } from '../broker/broker.ts'
import { createCounters } from '../telemetry/counters.ts'
import { createEpochs } from '../telemetry/epoch.ts'
import { abuse } from './abuse.ts'

const serveOnly = 'serve'
const grownMiBMax = 200
const slowerMax = 3
/** Below this a ratio says nothing but that the machine is shared. */
const p99MsMin = 5

if (process.argv[2] === serveOnly) await serve()
else await attack()

async function serve(): Promise<void> {
  const counters = createCounters()
  const broker = await createBroker({
    listen: [{ host: '127.0.0.1', port: 0 }],
    credentials: null,
    statusTopic: 'sensors/{site}/{device}/status',
    accept: async () => {},
    abandon: () => {},
    nextEpoch: createEpochs(),
    isAccepting: () => true,
    counters,
    log: pino({ level: 'silent' }),
  })
  process.send?.({ port: broker.addresses[0]?.port })
  process.on('message', () =>
    process.send?.({ rssMiB: process.memoryUsage().rss / 2 ** 20, refused: counters.refused }),
  )
}

async function attack(): Promise<void> {
  const [connections = 200_000, seed = Math.floor(Math.random() * 2 ** 32)] = process.argv.slice(2).map(Number)
  console.log(`${connections} connections, seed ${seed}`)
  const child = fork(process.argv[1] as string, [serveOnly])
  let hasFallen = false
  child.once('exit', () => {
    hasFallen = true
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const look = async () => {
    child.send('look')
    const [it] = (await once(child, 'message')) as [{ rssMiB: number; refused: object }]
    return it
  }
  await abuse({ port, connections: Math.ceil(connections / 20), seed: seed + 1 })
  const before = await look()
  const begun = performance.now()
  const result = await abuse({ port, connections, seed, onProgress: (done) => console.log(`${done} done`) })
  const seconds = (performance.now() - begun) / 1000
  const after = hasFallen ? before : await look()
  const grownMiB = after.rssMiB - before.rssMiB
  console.log({ seconds: Math.round(seconds), ...result, rssMiB: after.rssMiB, grownMiB, refused: after.refused })
  const isSlow = result.abusedP99Ms > Math.max(p99MsMin, slowerMax * result.calmP99Ms)
  const failures = [
    hasFallen && 'the broker fell',
    grownMiB > grownMiBMax && `memory grew by ${grownMiB.toFixed(0)} MiB, at most ${grownMiBMax} wanted`,
    result.delivered < result.published && `${result.published - result.delivered} readings were not delivered`,
    isSlow && `p99 ${result.abusedP99Ms.toFixed(1)} ms, calm ${result.calmP99Ms.toFixed(1)} ms`,
  ].filter((it) => it !== false)
  for (const failure of failures) console.error(failure)
  process.exitCode = failures.length > 0 ? 1 : 0
  child.removeAllListeners('exit')
  child.kill()
}
