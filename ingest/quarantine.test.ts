import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCounters } from '../telemetry/counters.ts'
import { lifeCycle, MessageKind } from '../telemetry/message.ts'
import type { Quarantined } from './batch.ts'
import { openQuarantine } from './quarantine.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarantine-'))
})
afterEach(() => rm(folder, { recursive: true }))

const message = (position: number): Quarantined => ({
  record: { ...lifeCycle(MessageKind.publish, 'c', 1, 't'), position, ordinal: 1, receivedAtUs: 1_700_000_000_000_000 },
  code: 'bad_value',
  reason: 'because',
})
const ids = (entries: Array<{ id: string }>) => entries.map((entry) => entry.id)

test('quarantine gives the newest first, also when it is opened again', async () => {
  const first = await openQuarantine(folder, createCounters())
  await first.keep([message(1), message(2)])
  await first.keep([message(3)])
  expect(ids(first.list(2))).toEqual(['3', '2'])
  await first.close()
  const second = await openQuarantine(folder, createCounters())
  expect(ids(second.list(10))).toEqual(['3', '2', '1'])
  expect(second.list(1)[0]).toMatchObject({
    time: '2023-11-14T22:13:20.000Z',
    topic: 't',
    client: 'c',
    code: 'bad_value',
  })
  await second.close()
})

test('quarantine keeps nothing twice when a replay brings it again', async () => {
  const first = await openQuarantine(folder, createCounters())
  await first.keep([message(1), message(2)])
  await first.close()
  const second = await openQuarantine(folder, createCounters())
  await second.keep([message(1), message(2), message(3)])
  expect(ids(second.list(10))).toEqual(['3', '2', '1'])
  await second.close()
})

test('quarantine drops the oldest and counts them when its limit is reached', async () => {
  const counters = createCounters()
  const quarantine = await openQuarantine(folder, counters, 2000)
  for (let i = 1; i <= 100; i++) await quarantine.keep([message(i)])
  const kept = quarantine.list(1000)
  expect(kept.length + counters.quarantineDropped).toBe(100)
  expect(kept.length).toBeLessThan(40)
  expect(ids(kept).slice(0, 2)).toEqual(['100', '99'])
  await quarantine.close()
})

test('quarantine cuts off a line that a crash tore', async () => {
  const first = await openQuarantine(folder, createCounters())
  await first.keep([message(1)])
  await first.close()
  await appendFile(join(folder, 'quarantine.jsonl'), '{"id":"2","topic":"é')
  const second = await openQuarantine(folder, createCounters())
  await second.keep([message(2)])
  expect(ids(second.list(10))).toEqual(['2', '1'])
  await second.close()
  expect((await readFile(join(folder, 'quarantine.jsonl'), 'utf8')).split('\n')).toHaveLength(3)
})
