/** What the lines of the quarantine add up to, in memory. No files here: the halves mirror those that quarantine.ts writes. */
import { type Counters, count } from '../telemetry/counters.ts'
import { limits } from '../telemetry/limits.ts'
import type { QuarantineEntry, QuarantineView } from '../telemetry/quarantine.ts'
import type { Line } from './quarantine-line.ts'

type Half = {
  entries: Map<string, QuarantineEntry>
  resolutions: Map<string, number>
  /** Its file holds more, or something older, than is said here. */
  isStale: boolean
}
export type HalfName = 'older' | 'newer'

export type Entries = QuarantineView & {
  /** A line was read, or is on disk now. */
  apply(line: Line, half: HalfName): void
  /** A line was read that does not count. */
  leaveOut(half: HalfName): void
  resolutionOf(id: string): number | null
  /** Without the claims. */
  writtenResolutionOf(id: string): number | null
  claim(id: string, by: number): void
  /** The replay failed after all. */
  disclaim(id: string, by: number): void
  /** Drops and counts what was received before the time; true when there was something. */
  expire(beforeUs: number): boolean
  isStale(half: HalfName): boolean
  /** What a file of the half must say at least. */
  linesOf(half: HalfName): Line[]
  /** Resolutions that must outlive the older half. */
  carriedOver(): Line[]
  /** The older half is gone but for what is carried over, the newer one takes its place. */
  turnOver(): void
}

const createHalf = (): Half => ({ entries: new Map(), resolutions: new Map(), isStale: false })
const toLine = ([resolved, by]: [string, number]): Line => ({ resolved, by })

export function createEntries(counters: Counters): Entries {
  let halves = { older: createHalf(), newer: createHalf() }
  const claims = new Map<string, number>()
  /** Nothing was received before; what it belonged to may be gone. */
  let earliestUs = Number.POSITIVE_INFINITY

  const get = (id: string) => halves.newer.entries.get(id) ?? halves.older.entries.get(id)
  const writtenResolutionOf = (id: string) =>
    halves.newer.resolutions.get(id) ?? halves.older.resolutions.get(id) ?? null

  /** Forgets the entry, or how it ended. */
  function forget(what: 'entries' | 'resolutions', id: string): void {
    for (const half of [halves.older, halves.newer]) half.isStale = half[what].delete(id) || half.isStale
  }

  function update(id: string, change: Partial<QuarantineEntry>): void {
    for (const half of [halves.older, halves.newer]) {
      const entry = half.entries.get(id)
      if (entry === undefined) continue
      half.entries.set(id, { ...entry, ...change })
      half.isStale = true
    }
  }

  /** How many were dropped. */
  function drop(beforeUs: number): number {
    if (earliestUs >= beforeUs) return 0
    let dropped = 0
    earliestUs = Number.POSITIVE_INFINITY
    for (const half of [halves.older, halves.newer]) {
      for (const { id, receivedAtUs } of half.entries.values()) {
        if (receivedAtUs >= beforeUs) earliestUs = Math.min(earliestUs, receivedAtUs)
        else {
          half.entries.delete(id)
          half.isStale = true
          dropped++
        }
      }
    }
    return dropped
  }

  return {
    get,
    list(wanted, { code, matches = () => true, before = Number.POSITIVE_INFINITY } = {}) {
      const all = [...halves.older.entries.values(), ...halves.newer.entries.values()]
      return all
        .filter((it) => (code === undefined || it.code === code) && Number(it.id) < before && matches(it.topic))
        .sort((a, b) => Number(b.id) - Number(a.id))
        .slice(0, wanted)
    },
    counts() {
      const counts: ReturnType<QuarantineView['counts']> = {}
      for (const half of [halves.older, halves.newer]) {
        for (const { code } of half.entries.values()) count(counts, code)
      }
      return counts
    },
    apply(line, name) {
      const half = halves[name]
      if ('resolved' in line) {
        forget('entries', line.resolved)
        forget('resolutions', line.resolved)
        half.resolutions.set(line.resolved, line.by)
        claims.delete(line.resolved)
      } else if ('updated' in line) {
        const { updated, ...change } = line
        update(updated, change)
        half.isStale = true
      } else if ('expired' in line) {
        drop(line.expired)
        half.isStale = true
      } else {
        forget('entries', line.id)
        forget('resolutions', line.id)
        half.entries.set(line.id, line)
        earliestUs = Math.min(earliestUs, line.receivedAtUs)
      }
    },
    leaveOut(name) {
      halves[name].isStale = true
    },
    resolutionOf: (id) => claims.get(id) ?? writtenResolutionOf(id),
    writtenResolutionOf,
    claim: (id, by) => claims.set(id, by),
    disclaim(id, by) {
      if (claims.get(id) === by) claims.delete(id)
    },
    expire(beforeUs) {
      const dropped = drop(beforeUs)
      for (let i = 0; i < dropped; i++) count(counters.quarantineDropped, 'age')
      return dropped > 0
    },
    isStale: (name) => halves[name].isStale,
    linesOf: (name) => [...[...halves[name].resolutions].map(toLine), ...halves[name].entries.values()],
    carriedOver: () => carried().map(toLine),
    turnOver() {
      for (const _ of halves.older.entries) count(counters.quarantineDropped, 'size')
      const newer = createHalf()
      newer.resolutions = new Map(carried())
      halves = { older: halves.newer, newer }
    },
  }

  /** The newest that the limit allows, less those that the newer half holds itself. */
  function carried(): Array<[string, number]> {
    const room = Math.max(0, limits.quarantineResolutionsMax - halves.newer.resolutions.size)
    return room === 0 ? [] : [...halves.older.resolutions].slice(-room)
  }
}
