/**
 * Who is due next, without a look at everybody else. An item that is put off costs nothing: it stays where it stands, and is put
 * where it belongs when its old time has come.
 */
export type DueHeap<Item> = {
  /** The item is due then, and at no other time; Infinity: never. */
  set(item: Item, atMs: number): void
  /** When the first one is due; Infinity: nobody is. */
  nextMs(): number
  /** Takes out the first of those that are due by then, which keeps its `dueAt`; undefined: nobody is. */
  take(untilMs: number): Item | undefined
  size(): number
}

/** What the heap keeps in the items themselves, so that it needs no table of them. */
export type Due = {
  /** When it is due; Infinity: never. */
  dueAt: number
  /** Where it stands in the heap; Infinity: it does not. */
  queuedAt: number
}

export function createDueHeap<Item extends Due>(): DueHeap<Item> {
  const times: number[] = []
  const items: Item[] = []

  function add(item: Item, atMs: number): void {
    item.queuedAt = atMs
    let at = times.length
    for (; at > 0; ) {
      const parent = (at - 1) >> 1
      if ((times[parent] as number) <= atMs) break
      move(parent, at)
      at = parent
    }
    put(item, atMs, at)
  }

  function put(item: Item, atMs: number, at: number): void {
    times[at] = atMs
    items[at] = item
  }

  function move(from: number, to: number): void {
    times[to] = times[from] as number
    items[to] = items[from] as Item
  }

  function removeFirst(): void {
    const lastMs = times.pop() as number
    const last = items.pop() as Item
    const count = times.length
    if (count === 0) return
    let at = 0
    for (;;) {
      let least = 2 * at + 1
      if (least >= count) break
      if (least + 1 < count && (times[least + 1] as number) < (times[least] as number)) least++
      if ((times[least] as number) >= lastMs) break
      move(least, at)
      at = least
    }
    put(last, lastMs, at)
  }

  /** What stands first is due at that time, and not only was so once. */
  function settle(): void {
    while (times.length > 0) {
      const item = items[0] as Item
      const atMs = times[0] as number
      if (item.queuedAt === atMs && item.dueAt === atMs) return
      removeFirst()
      // It stands elsewhere too, and earlier or later than this is of no interest.
      if (item.queuedAt !== atMs) continue
      item.queuedAt = Number.POSITIVE_INFINITY
      if (item.dueAt < Number.POSITIVE_INFINITY) add(item, item.dueAt)
    }
  }

  return {
    set(item, atMs) {
      item.dueAt = atMs
      if (atMs < item.queuedAt) add(item, atMs)
    },
    nextMs() {
      settle()
      return times[0] ?? Number.POSITIVE_INFINITY
    },
    take(untilMs) {
      settle()
      const first = times[0]
      if (first === undefined || first > untilMs) return undefined
      const item = items[0] as Item
      removeFirst()
      item.queuedAt = Number.POSITIVE_INFINITY
      return item
    },
    size: () => times.length,
  }
}
