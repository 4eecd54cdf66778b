/** One of several processes that load a broker together: forked with an IPC channel, told what to do, answers what it saw. */
import { type LoadOptions, type LoadResult, runLoad } from './load.ts'

export type ToProcess = { kind: 'run'; options: LoadOptions; payloadBase64: string | null }
export type FromProcess = { kind: 'warm' } | { kind: 'result'; result: LoadResult } | { kind: 'failed'; detail: string }

const tell = (message: FromProcess) => process.send?.(message)

process.on('disconnect', () => process.exit(1))
process.once('message', async ({ options, payloadBase64 }: ToProcess) => {
  const payload = payloadBase64 === null ? options.payload : Buffer.from(payloadBase64, 'base64')
  await runLoad({ ...options, payload }, () => tell({ kind: 'warm' })).then(
    (result) => tell({ kind: 'result', result }),
    (error: Error) => tell({ kind: 'failed', detail: error.message }),
  )
  process.exitCode = 0
  process.disconnect()
})
