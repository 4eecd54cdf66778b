/**
 * The text of a file of settings to plain values: YAML is read, `${NAME}` is replaced, and where each value stands
 * is noted. Variables are replaced after YAML was read, so that no variable can change the structure of the file.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLError } from 'yaml'
import { broken, keyPath, type Problems, type Value } from './problems.ts'

/** Answers `broken` when the text is no YAML: then every further problem would only be a consequence. */
export function parse(text: string, env: NodeJS.ProcessEnv, problems: Problems): Value {
  const lineCounter = new LineCounter()
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line)
  // Repeated keys are reported below, with their path; prettyErrors would copy lines of the file, and so secrets.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false })
  const errors = [...document.errors, ...document.warnings]
  if (errors.length > 0) {
    reportSyntax(errors, text.split('\n'), lineAt, problems)
    return broken
  }
  return convert(document.contents, '', 1)

  function convert(node: unknown, path: string, line: number): Value {
    problems.places.set(path, { line, from: null })
    if (node === null || node === undefined) return null
    if (isMap(node)) return convertMap(node.items, path)
    if (isSeq(node)) return node.items.map((item, i) => convert(item, `${path}[${i}]`, lineOfNode(item, line)))
    if (isScalar(node)) return convertScalar(node.value, path, line)
    // The name of an alias is not shown: `password: *geheim` is a password without quotes.
    if (isAlias(node)) problems.add(path, 'aliases (*name) are not supported, write the value out or put it in quotes')
    return broken
  }

  function convertMap(items: ReadonlyArray<{ key: unknown; value: unknown }>, path: string): Value {
    const map = new Map<string, Value>()
    for (const { key: keyNode, value } of items) {
      const line = lineOfNode(keyNode, problems.places.get(path)?.line ?? 1)
      const key = isScalar(keyNode) ? String(keyNode.value ?? '') : ''
      if (!/^[\w.-]{1,40}$/.test(key)) {
        // Such a key is not repeated: `password:geheim` is one key, with a secret in it.
        problems.add(path, 'a key that is no plain word, is a blank missing after its colon?', line)
        continue
      }
      const first = problems.places.get(keyPath(path, key))
      if (map.has(key)) problems.add(keyPath(path, key), `given twice, first in line ${first?.line}`, line)
      else map.set(key, convert(value, keyPath(path, key), line))
    }
    return map
  }

  function convertScalar(value: unknown, path: string, line: number): Value {
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    if (typeof value === 'string') return replaceVariables(value, path, line, env, problems)
    problems.add(path, 'this kind of YAML value is not supported')
    return broken
  }

  function lineOfNode(node: unknown, otherwise: number): number {
    const isNode = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node)
    return isNode && node.range ? lineAt(node.range[0]) : otherwise
  }
}

function replaceVariables(text: string, path: string, line: number, env: NodeJS.ProcessEnv, problems: Problems): Value {
  const names: string[] = []
  let isBroken = false
  const replaced = text.replace(/\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?/g, (_, name?: string) => {
    const value = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined
    if (name !== undefined) names.push(name)
    if (value !== undefined && value !== '') return value
    isBroken = true
    // What stands after a lone `${` may be part of a password, so it is not repeated.
    if (name === undefined) problems.add(path, `holds a \${ that does not begin a variable like \${NAME}`)
    else problems.add(path, `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}`)
    return ''
  })
  if (names.length > 0) problems.places.set(path, { line, from: names.map((name) => `\${${name}}`).join(', ') })
  return isBroken ? broken : replaced
}

/** The parser's own messages quote the file, and so could quote a secret; these say as much without. */
const syntaxWords: Partial<Record<YAMLError['code'], string>> = {
  BAD_DQ_ESCAPE: 'an escape sequence that YAML does not know, single quotes take every character as it is',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket is not closed',
  BAD_SCALAR_START: 'a value begins with a character that YAML reserves, put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key: value" on one line, put the value in quotes',
  MISSING_CHAR: 'a colon with a blank, a comma, a quote or a bracket is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes on over two lines, is a blank missing after its colon?',
  MULTIPLE_DOCS: 'a second document (---) begins, the file can only hold one',
  TAB_AS_INDENT: 'a tab is used as indentation, use blanks',
  TAG_RESOLVE_FAILED: 'a tag (!name) that is not known',
  UNEXPECTED_TOKEN: 'something stands where YAML cannot have it',
}

/** What a line looks like that is mostly written so by mistake. */
const hints: Array<[RegExp, string]> = [
  [/(?<!\$)[[{].*\$\{/, `, inside braces and brackets \${NAME} must stand in quotes`],
  [
    /\{[\w:|]*\}[/\w]|[/\w]\{[\w:|]*\}/,
    ', a text with {name} must stand in quotes where it begins with one, and inside braces and brackets',
  ],
]

/**
 * One for each line: what the parser says after the first is mostly a consequence. So is every further token out of place:
 * behind a bracket that YAML cannot make sense of, it says so of each line to the end of the file.
 */
function reportSyntax(
  errors: YAMLError[],
  text: string[],
  lineAt: (offset: number) => number,
  problems: Problems,
): void {
  const reported = new Set<number>()
  let isLost = false
  for (const error of errors) {
    const line = lineAt(error.pos[0])
    const isStray = error.code === 'UNEXPECTED_TOKEN'
    if (reported.has(line) || (isStray && isLost)) continue
    reported.add(line)
    if (isStray) isLost = true
    const words = syntaxWords[error.code] ?? error.code.toLowerCase().replaceAll('_', ' ')
    const lineText = text[line - 1] ?? ''
    const hint = hints.find(([pattern]) => pattern.test(lineText))?.[1] ?? ''
    problems.add('', `not valid YAML: ${words}${hint}`, line)
  }
}
