/** The fleet of the scenario `mixed`: every format, clock and session, held against its truth by `dewpoint simulate verify`. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { routesOf } from '../../devices-sim/device/format.ts'
import { mainsMeter } from '../../devices-sim/energy/mains.ts'
import { createFleet } from '../../devices-sim/fleet.ts'
import { createSocketTransport } from '../../devices-sim/link/socket-transport.ts'
import type { FaultKind } from '../../devices-sim/oracle/faults.ts'
import type { Result } from '../../devices-sim/oracle/result.ts'
import { loadScenario } from '../../devices-sim/scenario/load.ts'
import { createSensors, quantitiesOf } from '../../devices-sim/signals/sensors.ts'
import { createRealClock } from '../../devices-sim/sim-clock.ts'
import { openTruth } from '../../devices-sim/truth/writer.ts'
import type { Finding, Fleet } from './fleet.ts'
import type { World } from './world.ts'

const program = resolve(import.meta.dirname, '..', '..', import.meta.filename.endsWith('.ts') ? 'dist' : '', 'cli.js')
const { profiles } = loadScenario('mixed')

/** Lines of telemetry.yaml. */
export const mixedRoutes = (): string => routesOf(profiles, quantitiesOf)

/** Beside what the server's clock has leapt: how far a reading may stand from where it was taken, that no clock dates. */
const slackMs = 10_000

const kindOf: { [fault in FaultKind]: Finding['kind'] } = {
  lost: 'lost',
  duplicate: 'double',
  invented: 'invented',
  wrong_value: 'invented',
  wrong_time: 'time',
  counter: 'amount',
  not_quarantined: 'lost',
  false_alert: 'count',
  late_alert: 'count',
  missing_alert: 'count',
  unreadable: 'count',
}

export function createMixedFleet(world: World, seed: number): Fleet {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-chaos-truth-'))
  const path = join(folder, 'truth.jsonl')
  const clock = createRealClock()
  const startMs = clock.nowMs()
  const head = { format: 'dewpoint-truth/1', seed, scenario: 'mixed', clock: 'real', startedAtMs: startMs } as const
  const truth = openTruth(path, head)
  const transport = createSocketTransport({ url: `mqtt://127.0.0.1:${world.link.port}`, connections: null })
  const createMeter = () => mainsMeter
  const fleet = createFleet({ profiles, seed, clock, transport, truth, startMs, createSensors, createMeter })
  let ended: Promise<void> | null = null
  let told = ''

  /** The truth is whole; asked again, it is so already. */
  function end(): Promise<void> {
    ended ??= (async () => {
      await fleet.close()
      truth.write({ type: 'end', atMs: clock.nowMs() })
      await truth.close()
      await transport.close()
    })()
    return ended
  }

  return {
    start: fleet.start,
    acknowledged: () => fleet.stats().acknowledged,
    leapt() {},
    async drain(withinMs) {
      if (!(await fleet.drain(withinMs))) throw new Error(`${fleet.stats().waiting} reports wait for a PUBACK`)
      await end()
      await world.server.drained(withinMs)
    },
    async verify() {
      const leaptMs = world.nowMs() - Date.now()
      const slack = `${Math.ceil((leaptMs + slackMs) / 1000)}s`
      const args = [program, 'simulate', 'verify', path, '--url', world.server.httpUrl, '--slack', slack, '--json']
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 }).catch(
        (error) => error,
      )
      if (!stdout) throw new Error('the oracle gave no answer')
      const { faults, examples, readings, reports } = JSON.parse(stdout) as Result
      told = `${reports} reports, ${readings} readings`
      return (Object.entries(faults) as Array<[FaultKind, number]>).flatMap(([fault, count]) => {
        const shown = examples.filter(({ kind }) => kind === fault).map((it) => JSON.stringify(it))
        return Array.from(
          { length: count },
          (_, i): Finding => ({ kind: kindOf[fault], text: shown[i] ?? fault, atMs: null }),
        )
      })
    },
    told: () => told || `${fleet.stats().acknowledged} reports acknowledged`,
    close() {
      end()
        .catch(() => {})
        .finally(() => rmSync(folder, { recursive: true, force: true }))
    },
  }
}
