import { expect, test } from 'vitest'
import { topicPattern } from './topic.ts'
import { combinations, covers, overlap } from './topic-sets.ts'

test.each([
  ['a/b', 'a/b', 'a/b'],
  ['a/b', 'a/c', null],
  ['a/b', 'a/b/c', null],
  ['a/{device}', '{site}/b', 'a/b'],
  ['{site}/{device}', '+/+', 'site/device'],
  ['+/+', '+/+', 'x/x'],
  ['a/(b|c)', 'a/(c|d)', 'a/c'],
  ['a/(b|c)', 'a/(d|e)', null],
  ['a/{x:b|c}', 'a/c', 'a/c'],
  ['a/#', 'a', 'a'],
  ['a/#', 'a/b/c', 'a/b/c'],
  ['a/#', '{x}/b/#', 'a/b'],
  ['a/#', 'b/#', null],
  ['#', '#', 'x'],
  ['#', 'a/b', 'a/b'],
  ['#', '$SYS/x', null],
  ['+/x', '($a|b)/x', 'b/x'],
  ['a/+/c', 'a/#', 'a/x/c'],
])('overlap of %s and %s is %s', (a, b, example) => {
  const [one, other] = [topicPattern(a), topicPattern(b)]
  expect(overlap(one, other)).toBe(example)
  if (example === null) expect(overlap(other, one)).toBeNull()
  else for (const pattern of [one, other]) expect(pattern.match(example)).not.toBeNull()
})

test.each([
  ['a/b', 'a/b', true],
  ['a/{x}', 'a/b', true],
  ['a/b', 'a/+', false],
  ['a/(b|c)', 'a/b', true],
  ['a/(b|c|d)', 'a/{x:d|b}', true],
  ['a/(b|c)', 'a/(b|d)', false],
  ['a/(b|c)', 'a/+', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'a/b/#', true],
  ['a/b/#', 'a/#', false],
  ['a', 'a/#', false],
  ['a/+/#', 'a/#', false],
  ['#', '+/b', true],
  ['+/#', '#', true],
  ['#', '$SYS/b', false],
  ['+/b', '($x|a)/b', false],
])('covers says of %s and %s: %s', (a, b, isCovered) => {
  expect(covers(topicPattern(a), topicPattern(b))).toBe(isCovered)
})

/** Small numbers that look random and come again with the same seed. */
function createRandom(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

test('overlap and covers agree with match when patterns and topics are random', () => {
  const seed = Date.now() >>> 0
  const random = createRandom(seed)
  const pick = <T>(from: T[]): T => from[random(from.length)] as T
  const levels = ['a', 'b', '(a|b)', '+', '{x}', '{y:b|c}']
  const randomPattern = () => {
    const body = Array.from({ length: 1 + random(3) }, () => pick(levels))
    const unnamedTwice = body.map((it, i) => (body.indexOf(it) < i && it.startsWith('{') ? '+' : it))
    return topicPattern([...unnamedTwice, ...(random(3) === 0 ? ['#'] : [])].join('/'))
  }
  const texts = ['a', 'b', 'c', '']
  const topics = texts.flatMap((a) => [
    a,
    ...texts.flatMap((b) => [`${a}/${b}`, ...texts.map((c) => `${a}/${b}/${c}`)]),
  ])
  for (let i = 0; i < 2_000; i++) {
    const [a, b] = [randomPattern(), randomPattern()]
    const both = topics.filter((it) => it !== '' && a.match(it) && b.match(it))
    const onlyB = topics.filter((it) => it !== '' && b.match(it) && !a.match(it))
    const which = `seed ${seed}: ${a.source} and ${b.source}`
    const example = overlap(a, b)
    if (example === null) expect(both, which).toEqual([])
    else expect([a.match(example), b.match(example)], which).not.toContain(null)
    if (covers(a, b)) expect(onlyB, which).toEqual([])
  }
})

test('combinations write out every choice when there are few', () => {
  const found = combinations(topicPattern('(a|b)/{x}/{y:c|d}/#'), 64)
  expect(found.map(({ levels }) => levels.map(({ texts }) => texts?.join('') ?? '*').join('/'))).toEqual([
    'a/*/c',
    'a/*/d',
    'b/*/c',
    'b/*/d',
  ])
  expect(found.every(({ hasRest }) => hasRest)).toBe(true)
  const many = topicPattern('(a|b)/(a|b)/(a|b)')
  expect(combinations(many, 7)).toEqual([many])
})
