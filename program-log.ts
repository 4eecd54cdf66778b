/** The log of a process: JSON lines on standard error, written before the next step, so that a crash loses none. */
import pino, { type Logger } from 'pino'

/** `base`: what each line carries instead of process number and host. */
export function createProgramLog(level: string, base?: { [name: string]: unknown }): Logger {
  return pino(
    {
      level,
      ...(base && { base }),
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
