/** Our own outages come from the journal alone, and are the same after a restart. */
import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { MessageKind } from '../telemetry/message.ts'
import { createOutages } from './outages.ts'

const { publish, start } = MessageKind
const at = (kind: number, ms: number) => ({ kind: kind as MessageKind, receivedAtUs: ms * 1000 })

test('an outage lasts from the record before a start to the start', () => {
  const outages = createOutages({ spans: [], lastMs: 0 })
  for (const record of [at(start, 1000), at(publish, 2000), at(publish, 9000), at(start, 15_000)]) outages.take(record)
  expect(outages.all()).toEqual([{ fromMs: 9000, toMs: 15_000 }])
})

test('an outage is known when what came before it was read in another life', () => {
  const outages = createOutages({ spans: [{ fromMs: 1, toMs: 2 }], lastMs: 500 })
  outages.take(at(start, 900))
  expect(outages.all()).toEqual([
    { fromMs: 1, toMs: 2 },
    { fromMs: 500, toMs: 900 },
  ])
  expect(createOutages(JSON.parse(JSON.stringify(outages.save()))).save()).toEqual(outages.save())
})

test('outages are forgotten from the oldest on when there are too many', () => {
  const outages = createOutages({ spans: [], lastMs: 1 })
  for (let i = 1; i <= limits.outagesRemembered + 5; i++) outages.take(at(start, i * 1000))
  expect(outages.all()).toHaveLength(limits.outagesRemembered)
  expect(outages.all()[0]).toEqual({ fromMs: 5000, toMs: 6000 })
})
