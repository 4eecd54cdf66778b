/** Topic patterns as sets of topics: what two have in common, and whether one holds all of another. */
import { isOpenAtStart, type TopicLevel, type TopicShape } from './topic.ts'

const any: TopicLevel = { texts: null, name: null }

/** An example of a topic that both match, or null. Its open levels are called as the patterns name them. */
export function overlap(a: TopicShape, b: TopicShape): string | null {
  const count = Math.max(a.levels.length, b.levels.length)
  if (!a.hasRest && a.levels.length < count) return null
  if (!b.hasRest && b.levels.length < count) return null
  const isOpen = isOpenAtStart(a) || isOpenAtStart(b)
  const topic: string[] = []
  for (let i = 0; i < count; i++) {
    const text = common(a.levels[i] ?? any, b.levels[i] ?? any).find((it) => !(isOpen && i === 0 && it.startsWith('$')))
    if (text === undefined) return null
    topic.push(text)
  }
  return count === 0 ? 'x' : topic.join('/')
}

/** Texts that fit both levels; one that stands for all when every text does. */
function common(a: TopicLevel, b: TopicLevel): readonly string[] {
  if (a.texts === null) return b.texts ?? [a.name ?? b.name ?? 'x']
  return a.texts.filter((text) => b.texts?.includes(text) ?? true)
}

/** Whether `a` matches every topic that `b` matches. */
export function covers(a: TopicShape, b: TopicShape): boolean {
  // A topic has a level at least, so that `#` and `+/#` match the same.
  const levelsMin = Math.max(1, b.levels.length)
  if (b.hasRest && !a.hasRest) return false
  if (a.hasRest ? a.levels.length > levelsMin : a.levels.length !== b.levels.length) return false
  if (isOpenAtStart(a) && b.levels[0]?.texts?.some((text) => text.startsWith('$'))) return false
  return a.levels.every(({ texts }, i) => {
    const others = (b.levels[i] ?? any).texts
    return texts === null || (others?.every((text) => texts.includes(text)) ?? false)
  })
}

/** The pattern with each combination of its alternatives written out; itself alone when there are more than `max`. */
export function combinations(pattern: TopicShape, max: number): TopicShape[] {
  const count = pattern.levels.reduce((product, { texts }) => product * (texts?.length ?? 1), 1)
  if (count > max) return [pattern]
  let found: TopicLevel[][] = [[]]
  for (const level of pattern.levels) {
    const choices = level.texts === null ? [level] : level.texts.map((text) => ({ ...level, texts: [text] }))
    found = found.flatMap((before) => choices.map((choice) => [...before, choice]))
  }
  return found.map((levels) => ({ levels, hasRest: pattern.hasRest }))
}
