/** A load by several processes, as if it were one. */
import { fork } from 'node:child_process'
import { extname, join } from 'node:path'
import { createHistogram } from './histogram.ts'
import { type LoadOptions, type LoadResult, runLoad } from './load.ts'
import type { FromProcess, ToProcess } from './load-process.ts'

/** Connections, and the rate, are shared out. @throws Error when one of them fails */
export async function runLoads(processes: number, options: LoadOptions, onWarm: () => void): Promise<LoadResult> {
  if (processes === 1) return runLoad(options, onWarm)
  let warm = 0
  const isWarm = () => {
    warm++
    if (warm === processes) onWarm()
  }
  const shares = Array.from({ length: processes }, (_, i) => ({
    ...options,
    firstClient: options.firstClient + before(options.connections, processes, i),
    connections: before(options.connections, processes, i + 1) - before(options.connections, processes, i),
    ratePerS: options.ratePerS / processes,
  }))
  return together(await Promise.all(shares.map((it) => runForked(it, isWarm))))
}

const before = (all: number, parts: number, nth: number) => Math.floor((all * nth) / parts)

function runForked(options: LoadOptions, onWarm: () => void): Promise<LoadResult> {
  const child = fork(join(import.meta.dirname, `load-process${extname(import.meta.filename)}`))
  const { payload } = options
  const payloadBase64 = typeof payload === 'string' ? null : payload.toString('base64')
  child.send({ kind: 'run', options, payloadBase64 } satisfies ToProcess)
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromProcess) => {
      if (message.kind === 'warm') onWarm()
      else if (message.kind === 'result') resolve(message.result)
      else reject(new Error(message.detail))
    })
    child.once('exit', () => reject(new Error('a process of the load ended')))
  })
}

function together(results: LoadResult[]): LoadResult {
  const latency = createHistogram()
  for (const result of results) latency.add(result.latency)
  const sum = (of: (result: LoadResult) => number) => results.reduce((total, it) => total + of(it), 0)
  return {
    sent: sum((it) => it.sent),
    acknowledged: sum((it) => it.acknowledged),
    unacknowledged: sum((it) => it.unacknowledged),
    behind: sum((it) => it.behind),
    seconds: Math.max(...results.map((it) => it.seconds)),
    latency: latency.save(),
    errors: results.flatMap((it) => it.errors),
    cpuS: sum((it) => it.cpuS),
  }
}
