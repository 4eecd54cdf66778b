import { expect, test } from 'vitest'
import { createFilterTrie } from './filter-trie.ts'
import { createRetainedIndex } from './retained-index.ts'

/** The rules of [MQTT 3.1.1 §4.7], as slowly as they are written there. */
function matches(filter: string, topic: string): boolean {
  const [wanted, given] = [filter.split('/'), topic.split('/')]
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= given.length || (level !== '+' && level !== given[i])) return false
  }
  return wanted.length === given.length
}

const examples: Array<[string, string, boolean]> = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'a/b', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/x', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['ACCOUNTS', 'Accounts', false],
]
test.each(examples)('filter %s and topic %s match: %s [MQTT-4.7]', (filter, topic, expected) => {
  const trie = createFilterTrie<string>()
  trie.add(filter, 'it')
  expect(trie.match(topic)).toEqual(expected ? ['it'] : [])
  const retained = createRetainedIndex<string>()
  retained.set(topic, 'it')
  expect([...retained.match(filter)]).toEqual(expected ? ['it'] : [])
  expect(matches(filter, topic)).toBe(expected)
})

test('trie and retained index agree with the rules when filters and topics are random', () => {
  const seed = Date.now() % 1_000_000
  process.stderr.write(`filter-trie seed ${seed}\n`)
  let state = seed
  const below = (n: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % n
  }
  const levels = (names: string[]) => Array.from({ length: 1 + below(4) }, () => names[below(names.length)] as string)
  const filterOf = () => [...levels(['a', 'b', '', '+']), ...(below(3) === 0 ? ['#'] : [])].join('/')
  const topics = new Set(Array.from({ length: 100 }, () => levels(['a', 'b', '', '$']).join('/')))
  const filters = new Set(Array.from({ length: 100 }, filterOf))
  const trie = createFilterTrie<string>()
  const retained = createRetainedIndex<string>()
  const check = () => {
    for (const topic of topics)
      expect(trie.match(topic).sort()).toEqual([...filters].filter((it) => matches(it, topic)).sort())
    for (const filter of filters)
      expect([...retained.match(filter)].sort()).toEqual([...topics].filter((it) => matches(filter, it)).sort())
    expect(retained.size).toBe(topics.size)
  }
  for (const filter of filters) trie.add(filter, filter)
  for (const topic of topics) retained.set(topic, topic)
  check()
  for (const filter of filters)
    if (below(2) === 0) {
      filters.delete(filter)
      trie.remove(filter, filter)
      trie.remove(filter, filter)
    }
  for (const topic of topics)
    if (below(2) === 0) {
      topics.delete(topic)
      retained.delete(topic)
      retained.delete(topic)
    }
  check()
})

test('retained index answers an exact filter among 100,000 topics without looking at the others', () => {
  const retained = createRetainedIndex<number>()
  for (let i = 0; i < 100_000; i++) retained.set(`sensors/${i % 100}/${i}/x`, i)
  const started = performance.now()
  for (let i = 0; i < 1_000; i++) expect([...retained.match(`sensors/${i % 100}/${i}/x`)]).toEqual([i])
  for (let i = 0; i < 100; i++) expect([...retained.match(`sensors/+/${i}/x`)]).toEqual([i])
  // One scan of all topics takes tens of milliseconds, 1,100 of them would take half a minute.
  expect(performance.now() - started).toBeLessThan(2_000)
})
