import { expect, test } from 'vitest'
import { createCodec } from '../telemetry/codec/codec.ts'
import { MessageKind, type Record } from '../telemetry/message.ts'
import { createRoute, fieldRuleDefaults, treeDefaults } from '../telemetry/route.ts'
import { createLook } from './look.ts'

const nowMs = Date.UTC(2026, 10, 24)
const record = (topic: string, payload: Buffer | string): Record => ({
  ...{ kind: MessageKind.publish, qos: 1, dup: false, retain: false, packetId: 1, epoch: 1, client: 'c' },
  ...{ topic, payload: Buffer.from(payload), position: 0, ordinal: 1, receivedAtUs: nowMs * 1000 },
})
const look = createLook([
  createRoute({
    topic: 't/{site}/{device}/json',
    measurement: 'm',
    payload: { codec: 'json', ...treeDefaults, values: ['v', 'tips'] },
    everyMs: 600_000,
    fields: [
      { ...fieldRuleDefaults, channel: 'v', field: 'volts', unit: 'V', scale: 0.001 },
      { ...fieldRuleDefaults, channel: 'tips', field: 'tips', counter: { bits: 8, per: 1, maxPerHour: 100 } },
    ],
  }),
  createRoute({
    topic: 't/{site}/{device}/packed',
    measurement: 'p',
    payload: { codec: 'packed' },
    fields: [{ ...fieldRuleDefaults, channel: '1', field: 'value', scale: 0.2 }],
  }),
])

test('look tells values as they are stored, the interval of the route, boot, sequence and how far the clock is off', () => {
  const payload = { v: 3712, tips: 7, t: nowMs - 60_000, seq: 9, boot: 2, sent: nowMs - 5_000 }
  expect(look(record('t/a/b/json', JSON.stringify(payload)))).toEqual({
    name: { site: 'a', device: 'b' },
    nextS: 600,
    values: [{ channel: 'm.volts', unit: 'V', value: 3.712, timeMs: nowMs - 60_000 }],
    boot: 2,
    sequence: 9,
    clockErrorMs: -5_000,
  })
})

test('look believes the device before the route about when it reports again', () => {
  expect(look(record('t/a/b/json', JSON.stringify({ v: 1, next: 3600 })))?.nextS).toBe(3600)
  const packed = createCodec({ codec: 'packed' }).encode([
    { readings: [{ channel: '1', value: 3, unit: '', timeBase: 'now', timeMs: 0 }], boot: 1, sequence: 4, nextS: 120 },
  ])
  expect(look(record('t/a/b/packed', packed))).toMatchObject({ nextS: 120, values: [{ channel: 'p', value: 0.6 }] })
})

test('look has nothing to say of what no route takes or nobody can read', () => {
  expect(look(record('nobody', '1'))).toBeNull()
  expect(look(record('t/a/b/json', '{'))).toBeNull()
})
