import { expect, test } from 'vitest'
import { type Config, loadConfig } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { createReload } from './reload.ts'

const configOf = (text: string) => loadConfig(text, 'telemetry.yaml', {})

function fake(before: string, after: () => Config, setRoutes = async (): Promise<string[]> => ['1 route is new']) {
  const lines: string[] = []
  const logger = (level: string) => (fields: { why: string }, text: string) =>
    lines.push(`${level} ${fields.why}: ${text}`)
  const log = { info: logger('info'), warn: logger('warn'), error: logger('error') }
  const set: string[][] = []
  const reloads = { done: 0, failed: 0 }
  const reload = createReload({
    reloads,
    config: configOf(before),
    read: after,
    setRoutes(routes) {
      set.push(routes.map((it) => it.topic))
      return setRoutes()
    },
    log: log as never,
  })
  return { reload, lines, set, reloads }
}

const oneRoute = 'routes: [{ topic: "a/{device}", measurement: b }]\n'

test('reload hands over the routes of the file and logs what differs', async () => {
  const { reload, lines, set, reloads } = fake('', () => configOf(oneRoute))
  await reload('SIGHUP')
  expect(set).toEqual([['a/{device}']])
  expect(lines).toEqual(['info SIGHUP: routes: 1 route is new'])
  expect(reloads).toEqual({ done: 1, failed: 0 })
})

test('reload says so when the routes are the same', async () => {
  const { reload, lines } = fake(
    '',
    () => configOf(''),
    async () => [],
  )
  await reload('SIGHUP')
  expect(lines).toEqual(['info SIGHUP: routes: as before'])
})

test('reload names every other key that changed, and no value, when it needs a restart', async () => {
  const credentials = (password: string) => `credentials: { username: u, password: ${password} }`
  const { reload, lines } = fake(`broker: { ${credentials('before')} }`, () =>
    configOf(`data: elsewhere
broker: { listen: ["mqtt://127.0.0.1:1884"], ${credentials('geheim')} }
store: { type: influxdb, url: "http://h:1", org: o, bucket: b, token: geheim }
sources: [{ url: "mqtt://h", topics: ["a/#"] }]
`),
  )
  await reload('SIGHUP')
  const keys = ['data', 'broker.listen', 'broker.credentials']
  const store = ['store.type', 'store.url', 'store.org', 'store.bucket', 'store.token']
  expect(lines.slice(1)).toEqual(
    [...keys, ...store, 'sources'].map((key) => `warn SIGHUP: ${key}: changed, needs a restart`),
  )
})

test('reload tells every problem and changes nothing when the file does not hold', async () => {
  const { reload, lines, set } = fake('', () => configOf('colour: blue\nroutes: 7\n'))
  await reload('the file changed')
  expect(set).toEqual([])
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/^error the file changed: telemetry\.yaml:1 colour: /)
  expect(lines[1]).toMatch(/^error the file changed: telemetry\.yaml:2 routes: /)
  expect(lines[2]).toBe('error the file changed: the configuration stays as it was')
})

test('reload keeps the old routes and goes on when the new ones are refused', async () => {
  let refuse = true
  const { reload, lines } = fake(
    '',
    () => configOf(oneRoute),
    async () => {
      if (refuse) throw new StartError('field b.value is a float in the database')
      return ['+ a/{device}']
    },
  )
  await reload('SIGHUP')
  expect(lines).toEqual([
    'error SIGHUP: field b.value is a float in the database',
    'error SIGHUP: the configuration stays as it was',
  ])
  refuse = false
  await reload('SIGHUP')
  expect(lines.at(-1)).toBe('info SIGHUP: routes: + a/{device}')
})

test('reload runs one after the other and takes calls together that would wait', async () => {
  let isOpen = false
  const { reload, set } = fake(
    '',
    () => configOf(oneRoute),
    async () => {
      expect(isOpen).toBe(false)
      isOpen = true
      await new Promise((resolve) => setTimeout(resolve, 5))
      isOpen = false
      return []
    },
  )
  const first = reload('a')
  await Promise.resolve()
  await Promise.all([first, reload('b'), reload('c'), reload('d')])
  expect(set).toHaveLength(2)
})
