/** Due times by name, in a heap: setting, cancelling and taking one costs nothing for those that are not due. */

export type Timers = {
  /** Replaces the one of that name. */
  set(name: string, atMs: number): void
  cancel(name: string): void
  has(name: string): boolean
  /** Takes the first that is due by then: by time, then by name, so that the order is the same after a restart. */
  takeDue(nowMs: number): { name: string; atMs: number } | null
  nextMs(): number | null
  save(): Array<[name: string, atMs: number]>
}

type Entry = { name: string; atMs: number }

const isBefore = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.name < b.name)

/** More outdated entries than this, and than valid ones, are thrown out. */
const outdatedMin = 1_000

export function createTimers(saved: ReadonlyArray<[name: string, atMs: number]>): Timers {
  const times = new Map(saved)
  /** A binary heap; entries that `times` does not confirm were replaced or cancelled. */
  let heap: Entry[] = saved.map(([name, atMs]) => ({ name, atMs })).sort((a, b) => (isBefore(a, b) ? -1 : 1))

  function add(entry: Entry): void {
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Entry
      if (!isBefore(entry, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  function removeFirst(): void {
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
  }

  function first(): Entry | null {
    for (;;) {
      const entry = heap[0]
      if (entry === undefined) return null
      if (times.get(entry.name) === entry.atMs) return entry
      removeFirst()
    }
  }

  return {
    set(name, atMs) {
      if (times.get(name) === atMs) return
      times.set(name, atMs)
      add({ name, atMs })
      if (heap.length > 2 * times.size + outdatedMin) {
        heap = [...times].map(([known, knownMs]) => ({ name: known, atMs: knownMs }))
        heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
      }
    },
    cancel: (name) => {
      times.delete(name)
    },
    has: (name) => times.has(name),
    takeDue(nowMs) {
      const entry = first()
      if (entry === null || entry.atMs > nowMs) return null
      removeFirst()
      times.delete(entry.name)
      return entry
    },
    nextMs: () => first()?.atMs ?? null,
    save: () => [...times],
  }
}
