/** The program of a worker: its part of the journal, and the gate in front of it. dewpoint.ts starts it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { enterWorker } from './broker/workers/fork.ts'
import { createGate } from './broker/workers/gate.ts'
import { claimSoon } from './data-folder.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import { createProgramLog } from './program-log.ts'
import { createCounters } from './telemetry/counters.ts'
import { limits } from './telemetry/limits.ts'

export type PartSetup = {
  part: number
  folder: string
  /** The part never starts before it. */
  startAt: { position: number; ordinal: number }
  logLevel: string
}

const { message, stream, onSocket } = await enterWorker<PartSetup>()
const { part, folder, startAt, logLevel } = message.part
const log = createProgramLog(logLevel, { worker: part, pid: process.pid })
const journal = await open().catch((error) => {
  log.error({ err: error, folder }, 'the part of the journal cannot be opened')
  process.exit(1)
})
const gate = createGate({ ...message.setup, stream, part: journal, counters: createCounters(), log, onStop: end })
onSocket(gate.hand)

async function end(): Promise<void> {
  // On a full disk this would never end; nothing of it was acknowledged.
  await Promise.race([journal.close(), sleep(limits.workerEndMsMax / 2)])
  gate.close()
  stream.end(() => process.exit(0))
}

/** A worker of a main process that was killed may need a moment to end: two must not write. */
async function open(): Promise<Journal> {
  await claimSoon(folder)
  // The main process knows how much all parts hold, and tells when they are full.
  return openJournal({ folder, log, bytesMax: Number.POSITIVE_INFINITY, startAt })
}
