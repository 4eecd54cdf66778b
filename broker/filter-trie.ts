/** Subscriptions by filter: which of them does a topic match? A topic visits no level twice, and there may be any number of levels. */

type Node<Entry> = { entries: Set<Entry>; below: Map<string, Node<Entry>> }

export type FilterTrie<Entry> = {
  add(filter: string, entry: Entry): void
  remove(filter: string, entry: Entry): void
  match(topic: string): Entry[]
}

export function createFilterTrie<Entry>(): FilterTrie<Entry> {
  const createNode = (): Node<Entry> => ({ entries: new Set(), below: new Map() })
  const root = createNode()

  function collect(node: Node<Entry>, levels: string[], depth: number, isReserved: boolean, found: Entry[]): void {
    // A leading wildcard matches no topic that begins with $ [MQTT-4.7.2-1].
    const mayBeWild = depth > 0 || !isReserved
    // `a/#` matches `a` too [MQTT-4.7.1-2].
    const rest = mayBeWild ? node.below.get('#') : undefined
    if (rest !== undefined) for (const entry of rest.entries) found.push(entry)
    const level = levels[depth]
    if (level === undefined) {
      for (const entry of node.entries) found.push(entry)
      return
    }
    const exact = node.below.get(level)
    if (exact !== undefined) collect(exact, levels, depth + 1, isReserved, found)
    const any = mayBeWild ? node.below.get('+') : undefined
    if (any !== undefined) collect(any, levels, depth + 1, isReserved, found)
  }

  return {
    add(filter, entry) {
      let node = root
      for (const level of filter.split('/')) {
        let next = node.below.get(level)
        if (next === undefined) {
          next = createNode()
          node.below.set(level, next)
        }
        node = next
      }
      node.entries.add(entry)
    },
    remove(filter, entry) {
      const path: Array<[Node<Entry>, string]> = []
      let node: Node<Entry> | undefined = root
      for (const level of filter.split('/')) {
        path.push([node, level])
        node = node.below.get(level)
        if (node === undefined) return
      }
      node.entries.delete(entry)
      for (const [parent, level] of path.reverse()) {
        const child = parent.below.get(level) as Node<Entry>
        if (child.entries.size > 0 || child.below.size > 0) return
        parent.below.delete(level)
      }
    },
    match(topic) {
      const found: Entry[] = []
      const slash = topic.indexOf('/')
      // Most topics are subscribed to by nobody, which their first level tells.
      const first = slash < 0 ? topic : topic.slice(0, slash)
      if (root.below.has('#') || root.below.has('+') || root.below.has(first))
        collect(root, topic.split('/'), 0, topic.startsWith('$'), found)
      return found
    },
  }
}
