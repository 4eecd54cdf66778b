/** For tests: a fleet with real sensors in virtual time, and the oracle's word on what came of it. */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { runVirtual, type VirtualRun, type VirtualRunOptions } from '../../commands/virtual-run.ts'
import { loadConfig } from '../../config/load.ts'
import { routesOf } from '../../devices-sim/device/format.ts'
import { mainsMeter } from '../../devices-sim/energy/mains.ts'
import { createFleet } from '../../devices-sim/fleet.ts'
import type { Result } from '../../devices-sim/oracle/result.ts'
import { storedIn } from '../../devices-sim/oracle/stored.ts'
import { verify } from '../../devices-sim/oracle/verify.ts'
import type { Profile } from '../../devices-sim/profile.ts'
import { createRandom } from '../../devices-sim/random.ts'
import { createSensors } from '../../devices-sim/signals/sensors.ts'
import { readTruth } from '../../devices-sim/truth/reader.ts'
import type { TruthEvent } from '../../devices-sim/truth/truth.ts'
import { openTruth } from '../../devices-sim/truth/writer.ts'
import { timeMsMax } from '../../telemetry/point.ts'
import { statusTopic } from '../../telemetry/schema.ts'

export const startMs = Date.UTC(2025, 5, 1)
export const minuteMs = 60_000

export type World = Parameters<VirtualRunOptions['createFleet']>[0]
export type Ran = {
  run: VirtualRun
  truth: string
  result: Result
  folder: string
  of<T extends TruthEvent['type']>(type: T): Promise<Array<Extract<TruthEvent, { type: T }>>>
}

/** `happens`: what shall happen beside the fleet. The run must be closed; its folder is removed by the test. */
export async function runProfiles(options: {
  profiles: Profile[]
  seed: number
  lastsMs: number
  alertWithinMs?: number
  folder?: string
  happens?: (world: World) => void
}): Promise<Ran> {
  const { profiles, seed, lastsMs, happens = () => {}, alertWithinMs = null } = options
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'virtual-run-')))
  const path = join(folder, 'truth.jsonl')
  const truth = openTruth(path, {
    format: 'dewpoint-truth/1',
    seed,
    scenario: 'test',
    clock: 'virtual',
    startedAtMs: startMs,
  })
  const quantitiesOf = (profile: Profile) =>
    createSensors(profile, createRandom(0), startMs, () => null).flatMap(({ quantities }) => quantities)
  const { routes } = loadConfig(routesOf(profiles, quantitiesOf), 'routes', {})
  const run = await runVirtual({
    routes,
    statusTopic,
    startMs,
    endMs: startMs + lastsMs,
    folder,
    store: { type: 'duckdb' },
    truth,
    createFleet(world) {
      happens(world)
      return createFleet({ ...world, profiles, seed, truth, startMs, createSensors, createMeter: () => mainsMeter })
    },
    drainMs: 60 * minuteMs,
    log: pino({ level: 'silent' }),
  })
  await truth.close()
  return {
    run,
    truth: path,
    folder,
    result: await verify({ path, stored: storedIn(run.store), alertWithinMs }),
    async of(type) {
      const found = []
      for await (const event of readTruth(path)) if (event.type === type) found.push(event)
      return found as never
    },
  }
}

/** Of all that a store holds, whatever the order in which it was written. */
export async function storeDigest({ store }: VirtualRun): Promise<string> {
  const lines: string[] = []
  for await (const points of store.scan({ fromMs: 0, toMs: timeMsMax })) {
    for (const { series, timeNs, value } of points) lines.push(JSON.stringify([series, String(timeNs), value]))
  }
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex')
}

export async function journalDigest(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of (await readdir(join(folder, 'journal'))).toSorted())
    hash.update(name).update(await readFile(join(folder, 'journal', name)))
  return hash.digest('hex')
}
