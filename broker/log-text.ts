/** What clients choose themselves, fit for a line of the log: one line, no longer than a limit, and nothing that a terminal obeys. */
import { limits } from '../telemetry/limits.ts'
import { printable } from '../telemetry/printable.ts'

export function logText(text: string): string {
  const isLong = text.length > limits.logTextCharsMax
  return isLong ? `${printable(text.slice(0, limits.logTextCharsMax))}…` : printable(text)
}
