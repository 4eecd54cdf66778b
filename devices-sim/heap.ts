/** A binary heap: the least first. */
export type Heap<Item> = { add(item: Item): void; first(): Item | undefined; take(): Item | undefined; size(): number }

export function createHeap<Item>(compare: (a: Item, b: Item) => number): Heap<Item> {
  const items: Item[] = []
  const isBefore = (a: number, b: number) => compare(items[a] as Item, items[b] as Item) < 0
  const swap = (a: number, b: number) => {
    const item = items[a] as Item
    items[a] = items[b] as Item
    items[b] = item
  }
  return {
    add(item) {
      let at = items.push(item) - 1
      for (let parent = (at - 1) >> 1; at > 0 && isBefore(at, parent); parent = (at - 1) >> 1) {
        swap(at, parent)
        at = parent
      }
    },
    first: () => items[0],
    take() {
      const first = items[0]
      const last = items.pop()
      if (items.length === 0 || last === undefined) return first
      items[0] = last
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2]
        let least = at
        if (left < items.length && isBefore(left, least)) least = left
        if (right < items.length && isBefore(right, least)) least = right
        if (least === at) return first
        swap(at, least)
        at = least
      }
    },
    size: () => items.length,
  }
}
