/** State and log together: what is changed in memory is on its way to the disk. Without a folder it ends with the process. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Change } from './change.ts'
import { openSessionLog, type SessionLog } from './log.ts'
import { createState, type State } from './state.ts'

export type SessionStore = {
  state: State
  /** Applied at once. Resolves when the changes, and all before them, survive kill -9 and power loss. */
  change(...changes: Change[]): Promise<void>
  /** The same for what does no harm when a power cut takes it: nobody waits, but kill -9 does not lose it. */
  note(...changes: Change[]): void
  logBytes(): number
  problem(): string | null
  close(): Promise<void>
}

/** `slackBytes`: history that the log may hold, when it is not the usual. */
export async function openSessionStore(folder: string | null, log: Logger, slackBytes?: number): Promise<SessionStore> {
  const state = createState()
  let file: SessionLog | null = null
  if (folder !== null) {
    const path = join(folder, 'sessions')
    await mkdir(path, { recursive: true })
    file = await openSessionLog(path, state.snapshot, state.apply, log, slackBytes)
  }
  return {
    state,
    async change(...changes) {
      for (const change of changes) state.apply(change)
      await file?.append(changes, true)
    },
    note(...changes) {
      for (const change of changes) state.apply(change)
      // A log that has failed has told so.
      file?.append(changes, false).catch(() => {})
    },
    logBytes: () => file?.bytes() ?? 0,
    problem: () => file?.problem() ?? null,
    async close() {
      await file?.close()
    },
  }
}
