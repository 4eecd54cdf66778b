import { expect, test } from 'vitest'
import { limits } from './limits.ts'
import { lifeCycle, MessageKind, type Record } from './message.ts'
import { fromReplay, toEntry, topicChoice, toRecord, toReplay } from './quarantine.ts'

const record: Record = {
  kind: MessageKind.publish,
  qos: 1,
  dup: true,
  retain: true,
  packetId: 65_535,
  epoch: 12,
  client: 'gauge "1"',
  topic: 'sensors/hügel/gauge/rainfall',
  payload: Buffer.from([0, 255, 10, 34]),
  position: 2 ** 45 + 1,
  ordinal: 123_456_789,
  // The journal keeps it as a double: its last bits must come back, too.
  receivedAtUs: 1_700_000_000_123_456.2,
}
const verdict = { code: 'bad_value', reason: 'because', configVersion: '0badcafe', decidedAt: 9 } as const
const journalled = (entry: ReturnType<typeof toEntry>, position: number): Record => ({
  ...toReplay(entry),
  position,
  ordinal: 5,
  receivedAtUs: 1,
})

test('replay gives back the record as it was taken', () => {
  const entry = JSON.parse(JSON.stringify(toEntry(record, verdict)))
  expect(toRecord(entry)).toEqual(record)
  expect(fromReplay(journalled(entry, 9999))).toEqual({ id: String(2 ** 45 + 1), record })
})

test('replay is a message of the platform itself, so that no device is taken to have spoken', () => {
  expect(toReplay(toEntry(record, verdict))).toMatchObject({
    kind: MessageKind.replay,
    client: '',
    topic: '',
    epoch: 0,
  })
})

test('replay of the longest packet fits a journal record, whatever its names hold', () => {
  const client = '\u0001'.repeat(limits.clientIdBytesMax)
  const topic = '\u0001'.repeat(limits.topicBytesMax)
  const longest = { ...record, client, topic, payload: Buffer.alloc(limits.packetBytesMax, 255) }
  const replay = toReplay(toEntry(longest, verdict))
  // Frame and header of a record take 40 bytes.
  expect(replay.payload.length + 40).toBeLessThanOrEqual(limits.journalReadBytes / 2)
  expect(
    fromReplay({ ...lifeCycle(MessageKind.replay, '', 0, ''), ...replay, position: 1, ordinal: 1, receivedAtUs: 1 }),
  ).toEqual({ id: String(record.position), record: longest })
})

test.each([
  ['sensors/a', 'sensors/ab/c', true],
  ['sensors/a', 'sensors/b', false],
  ['', 'anything', true],
  ['sensors/+/gauge', 'sensors/a/gauge', true],
  ['sensors/{site}/gauge', 'sensors/a/gauge', true],
  ['sensors/+/gauge', 'sensors/a/gauge/rainfall', false],
])('topic choice %s of %s is %s', (text, topic, isChosen) => {
  const choice = topicChoice(text)
  expect('matches' in choice && choice.matches(topic)).toBe(isChosen)
})

test('topic choice says what is wrong when it is no pattern', () => {
  expect(topicChoice('a/{b')).toEqual({ problem: expect.stringContaining('topic: "a/{b" has the level "{b"') })
})
