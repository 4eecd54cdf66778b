/**
 * Retained messages by topic: an exact filter is one look-up, a wildcard walks only the levels that it matches. aedes'
 * own memory tries every retained topic for every filter, exact ones too.
 */

type Node<Packet> = { packet: Packet | undefined; below: Map<string, Node<Packet>> }

export type RetainedIndex<Packet> = {
  readonly size: number
  has(topic: string): boolean
  get(topic: string): Packet | undefined
  set(topic: string, packet: Packet): void
  delete(topic: string): void
  /** Everything the filter matches; reads as it goes, so it may be left half-way. Changes meanwhile do no harm. */
  match(filter: string): Iterable<Packet>
}

export function createRetainedIndex<Packet>(): RetainedIndex<Packet> {
  const byTopic = new Map<string, Packet>()
  const root: Node<Packet> = { packet: undefined, below: new Map() }

  function* walk(node: Node<Packet>, levels: string[], depth: number): Iterable<Packet> {
    const level = levels[depth]
    if (level === '#') return yield* everything(node, depth === 0)
    if (level === undefined) {
      if (node.packet !== undefined) yield node.packet
    } else if (level === '+') {
      for (const [name, next] of node.below)
        if (depth > 0 || !name.startsWith('$')) yield* walk(next, levels, depth + 1)
    } else {
      const next = node.below.get(level)
      if (next !== undefined) yield* walk(next, levels, depth + 1)
    }
  }
  // `a/#` matches `a` too [MQTT-4.7.1-2]; a leading wildcard matches no topic that begins with $ [MQTT-4.7.2-1].
  function* everything(node: Node<Packet>, isRoot: boolean): Iterable<Packet> {
    if (node.packet !== undefined) yield node.packet
    for (const [name, next] of node.below) if (!isRoot || !name.startsWith('$')) yield* everything(next, false)
  }

  return {
    get size() {
      return byTopic.size
    },
    has: (topic) => byTopic.has(topic),
    get: (topic) => byTopic.get(topic),
    set(topic, packet) {
      byTopic.set(topic, packet)
      let node = root
      for (const level of topic.split('/')) {
        let next = node.below.get(level)
        if (next === undefined) {
          next = { packet: undefined, below: new Map() }
          node.below.set(level, next)
        }
        node = next
      }
      node.packet = packet
    },
    delete(topic) {
      if (!byTopic.delete(topic)) return
      const path: Array<[Node<Packet>, string]> = []
      let node = root
      for (const level of topic.split('/')) {
        path.push([node, level])
        node = node.below.get(level) as Node<Packet>
      }
      node.packet = undefined
      for (const [parent, level] of path.reverse()) {
        const child = parent.below.get(level) as Node<Packet>
        if (child.packet !== undefined || child.below.size > 0) return
        parent.below.delete(level)
      }
    },
    *match(filter) {
      if (/[+#]/.test(filter)) return yield* walk(root, filter.split('/'), 0)
      const packet = byTopic.get(filter)
      if (packet !== undefined) yield packet
    },
  }
}
