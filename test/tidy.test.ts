/**
 * The rule that keeps data flowing one way: a stage imports telemetry/ and its own folder, nothing else of ours. Only
 * dewpoint.ts and the commands know the stages.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const project = resolve(import.meta.dirname, '..')
const stages = [
  'broker',
  'config',
  'console',
  'dashboards',
  'devices-sim',
  'ingest',
  'journal',
  'liveness',
  'sources',
  'stores',
]

function sourcesOf(folder: string): string[] {
  const entries = readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Relative imports of a file, as paths from the project's folder. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((found) =>
    relative(project, resolve(dirname(file), found[1] as string)),
  )
}

const foreign = (folder: string, allowed: string[]) =>
  sourcesOf(folder).flatMap((file) =>
    importsOf(file)
      .filter((target) => !allowed.some((it) => target === it || target.startsWith(`${it}/`)))
      .map((target) => `${relative(project, file)} imports ${target}`),
  )

test.each(stages)('stage %s imports only telemetry/ and its own folder', (stage) => {
  expect(sourcesOf(stage).length).toBeGreaterThan(0)
  expect(foreign(stage, [stage, 'telemetry'])).toEqual([])
})

test('telemetry/ imports nothing of ours', () => {
  expect(foreign('telemetry', ['telemetry'])).toEqual([])
})

test('commands/ may import every stage, and is imported by cli.ts only', () => {
  const program = ['dewpoint.ts', 'pipeline.ts', 'open-store.ts', 'plan.ts', 'data-folder.ts']
  expect(foreign('commands', [...stages, 'commands', 'telemetry', ...program, 'test'])).toEqual([])
  const roots = readdirSync(project).filter((name) => name.endsWith('.ts') && name !== 'cli.ts')
  const others = [...roots.map((name) => join(project, name)), ...sourcesOf('bench'), ...sourcesOf('telemetry')]
  expect(others.flatMap(importsOf).filter((target) => target.startsWith('commands/'))).toEqual([])
})

test('the rule is seen to be broken when a file breaks it', () => {
  // stores/ is used by no other stage, and this test file imports nothing: these import them all, and no other.
  const targets = ['dewpoint.ts', 'pipeline.ts', 'open-store.ts']
    .flatMap((file) => importsOf(join(project, file)))
    .map((target) => target.split('/')[0])
  for (const stage of ['broker', 'console', 'ingest', 'journal', 'liveness', 'sources', 'stores'])
    expect(targets).toContain(stage)
})

test('every dependency has an exact version', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  for (const version of Object.values({ ...dependencies, ...devDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+/)
})
