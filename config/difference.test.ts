import { expect, test } from 'vitest'
import { createRoute, fieldRuleDefaults, type Route, treeDefaults } from '../telemetry/route.ts'
import { configVersion, routesDifference } from './difference.ts'

const rain = createRoute({ topic: '{device}/rain', measurement: 'rainfall', unit: 'mm' })
const voltage = createRoute({ topic: '{device}/voltage', measurement: 'voltage', unit: 'V' })
const temp = { ...fieldRuleDefaults, channel: 'temp', field: 'temp' }
const hum = { ...fieldRuleDefaults, channel: 'hum', field: 'hum' }
const json = createRoute({
  topic: '{device}/json',
  measurement: 'weather',
  payload: { codec: 'json', ...treeDefaults, values: ['temp', 'hum'] },
  fields: [temp, hum],
})

test('routesDifference says nothing when only the order differs', () => {
  expect(routesDifference([rain, voltage, json], [json, rain, structuredClone(voltage)])).toEqual([])
})

test('routesDifference names what is new, what is gone and what is another', () => {
  const cm: Route = { ...rain, unit: 'cm', behindMsMax: 1000 }
  expect(routesDifference([rain, voltage], [json, cm])).toEqual([
    '+ {device}/json',
    '~ {device}/rain: behindMsMax none → 1000, unit mm → cm',
    '- {device}/voltage',
  ])
})

test('routesDifference finds a rule by its channel when the rules change their places', () => {
  const scaled = { ...temp, scale: 0.1, range: [0, 9] as const }
  expect(routesDifference([json], [{ ...json, fields: [hum, scaled] }])).toEqual([
    '~ {device}/json: fields[temp].range[0] none → 0, fields[temp].range[1] none → 9, fields[temp].scale 1 → 0.1',
  ])
  const [line] = routesDifference([json], [{ ...json, fields: [temp] }])
  expect(line).toContain('fields[hum].type float → none')
})

test('routesDifference shows options, tags and examples when they change', () => {
  const example = { topic: 'd/rain', payload: Buffer.from('1'), expect: { code: 'bad_value' } }
  const changed: Route = { ...rain, payload: { codec: 'text' }, tags: { crop: 'maize' }, examples: [example] }
  expect(routesDifference([rain], [changed])).toEqual([
    '~ {device}/rain: examples[0].expect.code none → bad_value, examples[0].payload none → MQ==, ' +
      'examples[0].topic none → d/rain, payload.codec value → text, tags.crop none → maize',
  ])
})

test('configVersion is the same when routes or keys stand in another order', () => {
  const turned = Object.fromEntries(Object.entries(rain).toReversed()) as Route
  expect(configVersion([rain, voltage])).toMatch(/^[0-9a-f]{8}$/)
  expect(configVersion([voltage, turned])).toBe(configVersion([rain, voltage]))
})

test('configVersion is another when anything changes', () => {
  const example = (text: string) => ({ topic: 'd/rain', payload: Buffer.from(text), expect: [] })
  const versions = [
    [rain],
    [rain, voltage],
    [{ ...rain, unit: 'cm' }],
    [{ ...rain, tags: { a: 'b' } }],
    [{ ...rain, examples: [example('1')] }],
    [{ ...rain, examples: [example('2')] }],
  ].map(configVersion)
  expect(new Set(versions).size).toBe(versions.length)
})
