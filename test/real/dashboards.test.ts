/** Every query of the committed dashboard, asked of a real InfluxDB that holds points as ingest writes them. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InfluxqlQuery } from '../../dashboards/influxql.ts'
import { type Choice, interpolate, type Look } from '../servers/grafana.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'

type Panel = { type: string; title: string; targets: InfluxqlQuery[] }
type Variable = { name: string; query: string; allValue: string; multi: boolean; includeAll: boolean; refresh: number }
const text = readFileSync(new URL('../../dashboards/json/readings.json', import.meta.url), 'utf8')
const dashboard = JSON.parse(text) as { panels: Panel[]; templating: { list: Variable[] } }
const variables = dashboard.templating.list

const fromMs = Date.UTC(2024, 5, 1, 12)
const toMs = fromMs + 10 * 60_000
const all = Object.fromEntries(variables.map(({ name, allValue }) => [name, { all: allValue }]))
const look = (choices: Record<string, Choice> = {}): Look => ({
  fromMs,
  toMs,
  interval: '1m',
  variables: { ...all, ...choices },
})

/** Two sites, a device whose name means something in a regular expression, and one that has no site. */
const series = ['device=rain.1,site=north', 'device=rainx1,site=north', 'device=gauge+(2),site=south', 'device=alone']
const at = (second: number) => `${BigInt(fromMs + second * 1000) * 1_000_000n}`
const lines = [
  ...series.flatMap((tags) => [
    // Three readings, then silence for five minutes, then one: a gap in every panel that shows time.
    ...[5, 65, 95, 425].flatMap((second) => [
      `rainfall,${tags} value=0.2 ${at(second)}`,
      `pulse,${tags} value=${60 + second / 5} ${at(second)}`,
      `voltage,${tags} value=3.1 ${at(second)}`,
    ]),
    // Online since long before the time range; the first of them is away for two minutes of it.
    `device_state,${tags} online=1 ${at(-50_000)}`,
  ]),
  `device_state,${series[0]} online=0 ${at(180)}`,
  `device_state,${series[0]} online=1 ${at(300)}`,
  `device_state,${series[1]} online=0 ${at(400)}`,
]

const panel = (title: string): Panel => {
  const found = dashboard.panels.find((one) => one.title === title)
  if (found === undefined) throw new Error(`no panel ${title}`)
  return found
}
const devices = ['alone', 'gauge+(2)', 'rain.1', 'rainx1']
const tags = [
  { device: 'alone', site: '' },
  { device: 'gauge+(2)', site: 'south' },
  { device: 'rain.1', site: 'north' },
  { device: 'rainx1', site: 'north' },
]

describe.skipIf(needs({ influxd: true }) !== null)('dashboard over a real InfluxDB', () => {
  let influxd: Influxd
  const ask = async (query: string | undefined, choices?: Record<string, Choice>) =>
    influxd.series(interpolate(query ?? '', look(choices)))
  const names = async (name: string, choices?: Record<string, Choice>) => {
    const found = await ask(variables.find((variable) => variable.name === name)?.query, choices)
    // Grafana takes the second column of every measurement's answer, each value once.
    return [...new Set(found.flatMap(({ values }) => values.map((row) => row[1])))].sort()
  }
  beforeAll(async () => {
    influxd = await startInfluxd()
    await influxd.write(lines.join('\n'))
  })
  afterAll(() => influxd?.close())

  test('every query answers with values when everything is chosen', async () => {
    expect(dashboard.panels.length).toBe(6)
    for (const { title, targets } of dashboard.panels) {
      expect(targets.length, title).toBeGreaterThan(0)
      for (const target of targets) {
        const found = await ask(target.query)
        const values = found.flatMap((one) => one.values.flatMap((row) => row.slice(1)))
        expect(values.filter((value) => typeof value === 'number').length, `${title} ${target.refId}`).toBeGreaterThan(
          0,
        )
      }
    }
  })

  test('every query answers nothing, and no error, when the chosen device is unknown', async () => {
    for (const { targets } of dashboard.panels) {
      for (const target of targets) expect(await ask(target.query, { device: ['nobody'] })).toEqual([])
    }
  })

  test('variables list sites and devices, and devices only of the chosen site', async () => {
    expect(variables).toMatchObject([
      { name: 'site', multi: true, includeAll: true, refresh: 2 },
      { name: 'device', multi: true, includeAll: true, refresh: 2 },
    ])
    expect(await names('site')).toEqual(['north', 'south'])
    expect(await names('device')).toEqual(devices)
    expect(await names('device', { site: ['north'] })).toEqual(['rain.1', 'rainx1'])
    expect(await names('device', { site: ['north', 'south'] })).toEqual(['gauge+(2)', 'rain.1', 'rainx1'])
  })

  test.each([
    ['Rainfall per interval', 'sum', [0.2, 0.4, null, null, null, null, null, 0.2, null, null, null]],
    ['Pulse', 'mean', [61, 76, null, null, null, null, null, 145, null, null, null]],
    ['Voltage', 'mean', [3.1, 3.1, null, null, null, null, null, 3.1, null, null, null]],
  ])('panel %s shows each interval of each device, and gaps', async (title, column, wanted) => {
    const [target] = panel(title).targets
    expect(target).toMatchObject({ resultFormat: 'time_series', alias: '$tag_site/$tag_device' })
    const found = await ask(target?.query)
    expect(found.map((one) => one.tags)).toEqual(tags)
    for (const one of found) {
      expect(one.columns).toEqual(['time', column])
      expect(one.values.map((row) => row[0])).toEqual(wanted.map((_, minute) => fromMs + minute * 60_000))
      expect(one.values.map((row) => row[1])).toEqual(wanted)
    }
  })

  test('panel Voltage shows exactly the chosen devices when their names hold special characters', async () => {
    const query = panel('Voltage').targets[0]?.query
    expect((await ask(query, { device: ['rain.1'] })).map((one) => one.tags?.device)).toEqual(['rain.1'])
    const both = await ask(query, { device: ['rain.1', 'gauge+(2)'], site: ['north', 'south'] })
    expect(both.map((one) => one.tags?.device)).toEqual(['gauge+(2)', 'rain.1'])
  })

  test('panel Latest value per device has one row of each channel, with its time', async () => {
    const { targets } = panel('Latest value per device')
    const columns: string[] = []
    for (const target of targets) {
      expect(target.resultFormat).toBe('table')
      const found = await ask(target.query)
      expect(found.map((one) => one.tags)).toEqual(tags)
      columns.push(...found.flatMap((one) => one.columns[1] ?? []))
      for (const { values } of found) expect(values).toEqual([[fromMs + 425_000, expect.any(Number)]])
    }
    expect([...new Set(columns)]).toEqual(['rainfall', 'pulse', 'voltage'])
  })

  test('panel Fleet state begins with the state from before the time range', async () => {
    const [target] = panel('Fleet state').targets
    const found = await ask(target?.query)
    expect(found.map((one) => one.tags)).toEqual(tags)
    for (const one of found) expect(one.columns).toEqual(['time', 'online'])
    const before = [fromMs - 50_000_000, 1]
    const byDevice = Object.fromEntries(found.map((one) => [one.tags?.device, one.values]))
    expect(byDevice).toEqual({
      alone: [before],
      'gauge+(2)': [before],
      'rain.1': [before, [fromMs + 180_000, 0], [fromMs + 300_000, 1]],
      rainx1: [before, [fromMs + 400_000, 0]],
    })
  })

  test('panel Devices online counts the devices whose last state is online', async () => {
    const [target] = panel('Devices online').targets
    const [online, ...more] = await ask(target?.query)
    expect(more).toEqual([])
    expect(online?.columns).toEqual(['time', 'online', 'known'])
    expect(online?.values.map((row) => row.slice(1))).toEqual([[3, 4]])
  })
})
