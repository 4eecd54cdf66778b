import { readFileSync } from 'node:fs'
import Schema from 'typebox/schema'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { jsonSchema } from './json-schema.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

test('docs/telemetry.schema.json is current when the schema has changed (else: node dist/config/write-schema.js)', () => {
  expect(read('docs/telemetry.schema.json')).toBe(jsonSchema())
})

const influxdb = { type: 'influxdb', url: 'http://x', org: 'o', bucket: 'b', token: 't' }

test.each([
  [{}, true],
  [parse(read('telemetry.yaml')), true],
  [{ broker: { credentials: { username: 'u', password: 'p' } } }, true],
  [{ store: influxdb, journal: { bytesMax: 2 ** 31 } }, true],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm' }] }, true],
  [{ http: { ingestToken: 't' }, sources: [{ url: 'mqtt://x', topics: ['#'] }] }, true],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', payload: 'json', fields: [{ range: [0, 1] }] }] }, true],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', payload: { codec: 'csv', columns: ['a'] } }] }, true],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', tags: { crop: 'maize' }, time: { behind: '30d' } }] }, true],
  [{ alerts: { rules: [{ name: 'a', when: { state: ['lost'] } }] } }, true],
  [
    {
      notifiers: { ops: { type: 'webhook', url: 'https://x/y' }, phones: { type: 'web-push', contact: 'mailto:a@b' } },
    },
    true,
  ],
  [{ alerts: { rules: [{ name: 'a', when: { state: ['gone'] } }] } }, false],
  [{ alerts: { rules: [{ when: { state: ['lost'] } }] } }, false],
  [{ notifiers: { ops: { type: 'webhook' } } }, false],
  [{ notifiers: { ops: { type: 'pager', url: 'https://x/y' } } }, false],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', payload: 'csv' }] }, false],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', payload: { codec: 'value', columns: [] } }] }, false],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', tags: { Crop: 'maize' } }] }, false],
  [{ routes: [{ topic: 'a/{device}', measurement: 'm', fields: [{ counter: { bits: 8 } }] }] }, false],
  [{ sources: [{ url: 'mqtt://x' }] }, false],
  [{ broker: { lisen: [] } }, false],
  [{ broker: { credentials: { username: 'u' } } }, false],
  [{ store: { ...influxdb, token: undefined } }, false],
  [{ store: { type: 'influx' } }, false],
  [{ routes: [{ topic: 'a/{device}' }] }, false],
  [{ routes: [] }, false],
])('the schema for editors judges %j as %s when the key is or is not known and complete', (file, isFine) => {
  const schema = JSON.parse(jsonSchema())
  expect(Schema.Check(schema, JSON.parse(JSON.stringify(file)))).toBe(isFine)
})
