import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { type Body, readJsonBody, readRawBody } from './ingest-body.ts'

const topic = 'sensors/a/b/rainfall'
const read = (body: unknown) => readJsonBody(Buffer.from(JSON.stringify(body)))
function payloads(body: Body): string[] {
  if ('problem' in body) throw new Error(JSON.stringify(body.problem))
  return body.messages.map(({ payload }) => payload.toString('latin1'))
}
function problem(body: Body) {
  if (!('problem' in body)) throw new Error('nothing is wrong with it')
  return { ...body.problem, count: body.count }
}

test.each([
  ['text', { payload: '0.2' }, '0.2'],
  ['empty text', { payload: '' }, ''],
  ['a number', { payload: -0.25 }, '-0.25'],
  ['an object', { payload: { v: 1, t: [2] } }, '{"v":1,"t":[2]}'],
  ['a list', { payload: [1, null] }, '[1,null]'],
  ['base64', { payload64: 'AP/+' }, '\x00\xff\xfe'],
  ['beside an id', { payload: 1, id: 'x' }, '1'],
])('message is read when its payload is %s', (_, fields, wanted) => {
  expect(payloads(read({ topic, ...fields }))).toEqual([wanted])
  expect(
    payloads(
      read([
        { topic, ...fields },
        { topic, payload: 'z' },
      ]),
    ),
  ).toEqual([wanted, 'z'])
})

test.each([
  ['a number', 5, '5 given', 'an object like'],
  ['null', null, 'null given', 'an object like'],
  ['a list in the list', [], 'a list given', 'an object like'],
  ['without a topic', { payload: 1 }, 'topic: nothing', 'the topic as text'],
  ['with a topic that is no text', { topic: 7, payload: 1 }, 'topic: 7', 'the topic as text'],
  ['without a payload', { topic }, 'no payload', 'one of payload and payload64'],
  ['with two payloads', { topic, payload: 1, payload64: 'AAAA' }, 'payload and payload64', 'one of'],
  ['with a payload of true', { topic, payload: true }, 'payload: true', 'text, a finite number'],
  ['with a payload of null', { topic, payload: null }, 'payload: null', 'text, a finite number'],
  ['with a base64 of wrong length', { topic, payload64: 'AAA' }, '"AAA"', 'base64'],
  ['with a base64 of other letters', { topic, payload64: 'A-_A' }, '"A-_A"', 'base64'],
  ['with a base64 that is no text', { topic, payload64: 1 }, 'payload64: 1', 'base64'],
  ['with a key that is none', { topic, paylod: 1 }, 'the key "paylod"', 'only topic'],
  ['with an id that is no text', { topic, payload: 1, id: 1 }, 'id: 1', 'text'],
])('body is refused whole when a message is %s', (_, element, given, wanted) => {
  const found = problem(read([{ topic, payload: 1 }, element]))
  expect(found).toMatchObject({ code: 'request_invalid', index: 1, count: 2 })
  expect(`${found.given} given`).toContain(given)
  expect(found.wanted).toContain(wanted)
})

test.each([
  ['', 'topic_invalid'],
  ['sensors/+/b', 'topic_invalid'],
  ['sensors/#', 'topic_invalid'],
  ['a\0b', 'topic_invalid'],
  ['$SYS/x', 'topic_reserved'],
  ['é'.repeat(limits.topicBytesMax / 2 + 1), 'topic_invalid'],
])('body is refused when the broker would refuse the topic %j', (bad, code) => {
  expect(problem(read([{ topic: bad, payload: 1, id: 'first' }]))).toMatchObject({ code, index: 0, id: 'first' })
  expect(problem(readRawBody(bad, Buffer.from('1')))).toMatchObject({ code, count: 1 })
})

test('body is refused when it is no JSON, no UTF-8, or holds no message', () => {
  for (const text of ['', '{', '[1,', 'NaN', '{"topic":"a"} x']) {
    expect(problem(readJsonBody(Buffer.from(text)))).toMatchObject({ code: 'request_invalid', count: 0 })
  }
  const notUtf8 = Buffer.from('{"topic":"a","payload":"\xff"}', 'latin1')
  expect(problem(readJsonBody(notUtf8))).toMatchObject({ wanted: 'JSON in UTF-8' })
  expect(problem(read([]))).toMatchObject({ given: 'an empty list', count: 0 })
})

test('body is refused with the number when it holds more messages than the limit', () => {
  const bodies = (count: number) => read(Array.from({ length: count }, () => ({ topic, payload: 1 })))
  const most = limits.ingestMessagesMax
  expect(payloads(bodies(most))).toHaveLength(most)
  expect(problem(bodies(most + 1))).toMatchObject({ code: 'request_too_large', count: most + 1 })
})

test('message is refused when its payload is longer than a packet may be', () => {
  const bytes = Buffer.alloc(limits.packetBytesMax, 49)
  expect(payloads(readRawBody(topic, bytes))).toHaveLength(1)
  expect(problem(readRawBody(topic, Buffer.concat([bytes, bytes])))).toMatchObject({ code: 'packet_too_large' })
  expect(problem(read({ topic, payload: `${bytes}1` }))).toMatchObject({ code: 'packet_too_large', index: 0 })
})

test('hostile nesting is an answer, not an exception', () => {
  const depth = 400_000
  const deep = `{"topic":"${topic}","payload":${'['.repeat(depth)}${']'.repeat(depth)}}`
  expect(problem(readJsonBody(Buffer.from(deep)))).toMatchObject({ code: 'request_invalid' })
  expect(problem(readJsonBody(Buffer.from('['.repeat(1_000_000))))).toMatchObject({ count: 0 })
})

test('keys of every object are no keys of a message', () => {
  const bytes = Buffer.from('{"__proto__":{"topic":"a","payload":"1"}}')
  expect(problem(readJsonBody(bytes)).given).toBe('the key "__proto__"')
  expect(problem(read({ constructor: 1, topic, payload: 1 })).given).toBe('the key "constructor"')
})
