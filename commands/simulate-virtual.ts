/** A scenario in virtual time into a data folder of its own, held against its truth at the end. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { toHtml } from '../devices-sim/oracle/report.ts'
import { isRight, toText } from '../devices-sim/oracle/result.ts'
import { storedIn } from '../devices-sim/oracle/stored.ts'
import { verify } from '../devices-sim/oracle/verify.ts'
import type { Scenario } from '../devices-sim/scenario/scenario.ts'
import { openTruth } from '../devices-sim/truth/writer.ts'
import { printableLines } from '../telemetry/printable.ts'
import { quarantinedByDevice } from './quarantined-by-device.ts'
import { createScenarioFleet, type ScenarioFleet, scenarioConfig } from './scenario-fleet.ts'
import { describeRun } from './simulate-run.ts'
import { runVirtual } from './virtual-run.ts'

export type VirtualOptions = {
  scenario: Scenario
  seed: number
  durationMs: number
  folder: string
  /** By default truth.jsonl in the folder. */
  truth: string | undefined
  report: string | undefined
  json: boolean
}

/** The same for every run, so that a seed gives the same readings at the same times. */
export const virtualStartMs = Date.UTC(2026, 0, 1)
/** Virtual time for what devices still hold at the end. */
const drainMs = 2 * 86_400_000
/** Virtual devices and the server have one clock. */
const slackMs = 1_000

export async function runInVirtualTime(options: VirtualOptions): Promise<number> {
  const { scenario, seed, durationMs, folder, report, json } = options
  const { routes, broker } = scenarioConfig(scenario)
  mkdirSync(folder, { recursive: true })
  const path = options.truth ?? join(folder, 'truth.jsonl')
  const startMs = virtualStartMs
  const truth = openTruth(path, {
    format: 'dewpoint-truth/1',
    seed,
    scenario: scenario.name,
    clock: 'virtual',
    startedAtMs: startMs,
  })
  process.stderr.write(`${scenario.name}, seed ${seed}: in virtual time into ${folder}\n`)
  let fleet: ScenarioFleet | null = null
  const run = await runVirtual({
    routes,
    statusTopic: broker.status,
    startMs,
    endMs: startMs + durationMs,
    folder,
    store: { type: 'duckdb' },
    truth,
    createFleet({ clock, transport, server }) {
      fleet = createScenarioFleet({ scenario, seed, startMs, clock, transport, truth, server })
      return fleet
    },
    drainMs,
    log: pino({ level: 'error' }, pino.destination(2)),
    onProgress: ({ nowMs, balance }) =>
      process.stderr.write(`${new Date(nowMs).toISOString()}: ${balance.accepted} messages, ${balance.held} held\n`),
  })
  await truth.close()
  try {
    const { stats, bills } = fleet as unknown as ScenarioFleet
    const { problem: _, ...counts } = stats()
    const summary = { scenario: scenario.name, seed, durationMs, ...counts, bills: bills(startMs + durationMs) }
    const quarantined = quarantinedByDevice(run.quarantine.list(Number.MAX_SAFE_INTEGER), startMs)
    const { alertWithinMs } = scenario.expect
    const result = await verify({ path, stored: { ...storedIn(run.store), quarantined }, alertWithinMs, slackMs })
    if (report !== undefined) writeFileSync(report, toHtml(result))
    const text = `${describeRun(summary)}\n${printableLines(toText(result))}`
    process.stdout.write(json ? `${JSON.stringify({ ...summary, balance: run.balance, result })}\n` : `${text}\n`)
    return run.isDrained && isRight(result) ? 0 : 1
  } finally {
    await run.close()
  }
}
