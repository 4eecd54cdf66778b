/** Lines about refusals, few enough that whoever is refused cannot fill a disk with them. */
import type { Logger } from 'pino'
import type { RefusalCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'

export type RefusalLog = (code: RefusalCode, details: { [name: string]: unknown }) => void

export function createRefusalLog(log: Logger, nowMs: () => number = Date.now): RefusalLog {
  let second = 0
  let lines = 0
  let leftOut = 0
  return (code, details) => {
    const now = Math.floor(nowMs() / 1000)
    if (now !== second) {
      second = now
      lines = 0
    }
    if (++lines > limits.refusalLogsPerS) {
      leftOut++
      return
    }
    log.warn({ code, ...details, ...(leftOut > 0 && { leftOut }) }, 'refused')
    leftOut = 0
  }
}
