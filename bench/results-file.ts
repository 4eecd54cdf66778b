/** RESULTS.md: one part for each benchmark, under a heading of the first level. Each script writes its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Puts the part in the place of the one with the same first line, else behind all others. */
export function writePart(path: string, part: string): void {
  const heading = (text: string) => text.slice(0, text.indexOf('\n'))
  const parts = existsSync(path) ? readFileSync(path, 'utf8').split(/^(?=# )/m) : []
  const at = parts.findIndex((it) => heading(it) === heading(part))
  if (at === -1) parts.push(part)
  else parts[at] = part
  writeFileSync(path, `${parts.map((it) => it.trimEnd()).join('\n\n')}\n`)
}
