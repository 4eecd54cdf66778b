/** Seeds of runs that failed once: kept in the repository, a line `SEED STORE FLEET` each, and run before any other. */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FleetName } from './run.ts'
import type { StoreName } from './world.ts'

export type KeptSeed = { seed: number; store: StoreName; fleet: FleetName }

/** From the project's folder, where npm runs scripts. */
export const seedsPath = join('test', 'chaos', 'seeds.txt')

/** Everything behind # is for people. @throws Error that names the line which is none */
export function readSeeds(text: string): KeptSeed[] {
  return text.split('\n').flatMap((whole, i) => {
    const line = whole.replace(/#.*/, '').trim()
    if (line === '') return []
    const found = /^(\d+)\s+(duckdb|influxdb)\s+(storm|mixed)$/.exec(line)
    if (found === null)
      throw new Error(`line ${i + 1} of the kept seeds: "${line}", wanted SEED duckdb|influxdb storm|mixed`)
    return [{ seed: Number(found[1]), store: found[2] as StoreName, fleet: found[3] as FleetName }]
  })
}

export const loadSeeds = (path = seedsPath): KeptSeed[] => readSeeds(readFileSync(path, 'utf8'))

/** Appends it, unless it is there. */
export function keepSeed({ seed, store, fleet }: KeptSeed, why: string, path = seedsPath): void {
  if (loadSeeds(path).some((it) => it.seed === seed && it.store === store && it.fleet === fleet)) return
  appendFileSync(path, `${seed} ${store} ${fleet} # ${why.split('\n')[0]?.slice(0, 100)}\n`)
}
