/** docs/routes.md shows what loadConfig takes. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { codecNames } from '../telemetry/route.ts'
import { loadConfig } from './load.ts'
import { routeSchema } from './route-schema.ts'

const text = readFileSync(new URL('../docs/routes.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((found) => found[1] ?? '')

test.each(blocks.map((block) => [block.split('\n')[1], block]))(
  'the block of docs/routes.md that begins with %s loads',
  (_, block) => {
    expect(loadConfig(block, 'routes.md', {}).routes.length).toBeGreaterThan(0)
  },
)

test('docs/routes.md shows every key of a route and every codec', () => {
  const routes = blocks.flatMap((block) => loadConfig(block, 'routes.md', {}).routes)
  const shown = new Set(routes.map((route) => route.payload.codec))
  expect(codecNames.filter((name) => !shown.has(name))).toEqual([])
  const yaml = blocks.join('\n')
  expect(Object.keys(routeSchema.properties).filter((key) => !new RegExp(`^ +(- )?${key}:`, 'm').test(yaml))).toEqual(
    [],
  )
})
