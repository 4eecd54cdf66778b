/**
 * Paths into a decoded value: `a.b`, `a[0]`, `["odd key"]`, `a[].b` (of each element of an array), `$.a` from the root,
 * '' the value itself. Read once for each route, walked for each message.
 */

type Step =
  /** `index`: the key as a place in an array, or -1. `bracketed`: written as `[0]`. */
  { all: false; key: string; index: number; bracketed: boolean } | { all: true }

/** `hasAll`: it holds a `[]`, so walking it takes as long as the arrays there are. */
export type Path = { text: string; fromRoot: boolean; steps: Step[]; hasAll: boolean }

const part = /\[(\d+)\]|\[\]|\["([^"]*)"\]|(^|(?!^)\.)([^.[\]"]+)/y
const arrayIndex = /^\d{1,9}$/

/** @throws Error saying what of the path cannot be read */
export function compilePath(text: string): Path {
  const fromRoot = text === '$' || text.startsWith('$.') || text.startsWith('$[')
  const steps: Step[] = []
  // `^` must see the key behind `$.` as the first one.
  const rest = fromRoot ? text.slice(text.startsWith('$.') ? 2 : 1) : text
  part.lastIndex = 0
  while (part.lastIndex < rest.length) {
    const at = part.lastIndex
    const found = part.exec(rest)
    if (found === null) throw new Error(`path "${text}": "${rest.slice(at)}" given, .key, [0], [] or ["key"] wanted`)
    const [whole, index, quoted, , plain] = found
    if (whole === '[]') steps.push({ all: true })
    else steps.push(keyStep(text, index ?? quoted ?? plain ?? '', index !== undefined))
  }
  return { text, fromRoot, steps, hasAll: steps.some((step) => step.all) }
}

function keyStep(text: string, key: string, bracketed: boolean): Step {
  if (key === '__proto__') throw new Error(`path "${text}": "__proto__" is no key of a payload`)
  return { all: false, key, index: arrayIndex.test(key) ? Number(key) : -1, bracketed }
}

/** undefined: nothing stands there. Own properties only: a payload cannot reach what JavaScript adds to an object. */
export function walk(value: unknown, steps: Step[], from = 0): unknown {
  let node = value
  for (let i = from; i < steps.length; i++) {
    const step = steps[i] as Step
    if (step.all) return walkAll(node, steps, i + 1)
    if (typeof node !== 'object' || node === null) return undefined
    if (Array.isArray(node)) node = step.index >= 0 ? node[step.index] : undefined
    else node = Object.hasOwn(node, step.key) ? (node as { [key: string]: unknown })[step.key] : undefined
  }
  return node
}

/** One value for each element, undefined where it has none; of arrays in arrays one list. */
function walkAll(node: unknown, steps: Step[], from: number): unknown {
  if (!Array.isArray(node)) return undefined
  if (from === steps.length) return node
  const isFlattened = steps.slice(from).some((step) => step.all)
  const found: unknown[] = []
  for (const element of node) {
    const value = walk(element, steps, from)
    if (!isFlattened) found.push(value)
    else if (Array.isArray(value)) for (const inner of value) found.push(inner)
  }
  return found
}

/** The same way back: puts a value where walk() finds it. @throws Error where something else stands in the way */
export function place(tree: { top: unknown }, path: Path, value: unknown): void {
  let node = tree as { [key: string]: unknown }
  let key = 'top'
  for (const step of path.steps) {
    if (step.all) throw new Error(`path "${path.text}": "[]" can be read, not written`)
    node[key] ??= step.bracketed && step.index >= 0 ? [] : {}
    const next = node[key]
    if (typeof next !== 'object' || (Array.isArray(next) && step.index < 0)) {
      throw new Error(`path "${path.text}": "${step.key}" has no place beside what another path writes`)
    }
    node = next as { [key: string]: unknown }
    key = step.key
  }
  if (node[key] !== undefined && node[key] !== value) {
    throw new Error(`path "${path.text}": two values for one place, ${node[key]} and ${value}`)
  }
  node[key] = value
}
