/**
 * Collects everything that is wrong with a file of settings, so that one start tells all of it: a line of the file, the
 * key, what was given and what is wanted. Values that came from the environment and values of secrets are never shown.
 */

/** What the file says, after variables were replaced. A Map keeps keys like `__proto__` harmless. */
export type Value = string | number | boolean | null | Value[] | Map<string, Value> | typeof broken
/** Stands for a value that has its problem already: nothing more is said about it. */
export const broken = Symbol('broken')

/** Where a value stands, and which variables it was made of: `${NAME}`, or null. */
export type Place = { line: number; from: string | null }

export type Problems = {
  /** Places by path: `broker.listen[0]`; '' is the whole file. */
  places: Map<string, Place>
  /** Without `line` it is the line of the path, or of the nearest parent that the file names. */
  add(path: string, text: string, line?: number): void
  /** How a problem may speak of the value of a path. */
  given(path: string, value: Value, isSecret: boolean): string
  /** Whether parts of the value may be shown: it did not come from a variable. */
  isShown(path: string): boolean
  /** The same for everything below the path. */
  isAllShown(path: string): boolean
  /** One line for each problem, in the order of the file. */
  list(fileName: string): string[]
}

/** Problems whose paths begin below a part of the file: `fields[0].range`. */
export type ProblemsBelow = Pick<Problems, 'isShown' | 'isAllShown'> & {
  add(key: string, text: string): void
  given(key: string, value: Value): string
}

export const below = (problems: Problems, path: string): ProblemsBelow => ({
  isShown: (key) => problems.isShown(keyPath(path, key)),
  isAllShown: (key) => problems.isAllShown(keyPath(path, key)),
  add: (key, text) => problems.add(keyPath(path, key), text),
  given: (key, value) => problems.given(keyPath(path, key), value, false),
})

export const keyPath = (parent: string, key: string): string => (parent === '' ? key : `${parent}.${key}`)
const parentPath = (path: string): string => path.replace(/(^|\.)[^.[]*$|\[\d+\]$/, '')

export function createProblems(): Problems {
  const found: Array<{ line: number; text: string }> = []
  const places = new Map<string, Place>()
  function lineOf(path: string): number {
    const place = places.get(path)
    if (place !== undefined) return place.line
    return path === '' ? 1 : lineOf(parentPath(path))
  }
  return {
    places,
    add(path, text, line = lineOf(path)) {
      found.push({ line, text: path === '' ? `: ${text}` : ` ${path}: ${text}` })
    },
    given(path, value, isSecret) {
      const from = places.get(path)?.from ?? null
      return from === null ? shown(value, isSecret) : `(from ${from})`
    },
    isShown: (path) => (places.get(path)?.from ?? null) === null,
    isAllShown: (path) => ![...places].some(([it, { from }]) => from !== null && it.startsWith(path)),
    list: (fileName) => found.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `${fileName}:${line}${text}`),
  }
}

const shownCharsMax = 80

function shown(value: Value, isSecret: boolean): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Map) return 'keys with values'
  if (isSecret) return `a ${typeof value === 'string' ? 'text' : typeof value}`
  if (typeof value !== 'string') return String(value)
  // An address may carry a user name and a password: mqtt://user:password@host.
  const masked = value.replace(/\/\/[^/]*@/, '//...@')
  return JSON.stringify(masked.length > shownCharsMax ? `${masked.slice(0, shownCharsMax)}...` : masked)
}

/** The known name that a wrong one was probably meant to be, or null. Capitals make no difference. */
export function nearest(name: string, known: string[]): string | null {
  let best: string | null = null
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    // A third of the letters may differ; in very short names one.
    const near = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3))
    if (distance <= near && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein: how many letters to add, leave out or change. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const here = [row]
    for (let column = 1; column <= b.length; column++) {
      const changed = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      here.push(Math.min(changed, (above[column] ?? 0) + 1, (here[column - 1] ?? 0) + 1))
    }
    above = here
  }
  return above[b.length] ?? 0
}
