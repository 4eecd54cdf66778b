import { expect, test } from 'vitest'
import { createSeries, type FieldType } from '../point.ts'
import type { StoredPoint } from '../query.ts'
import type { Value } from '../reading.ts'
import { csvHeader, exportText, isoTime, type TextFormat } from './text.ts'

const t0 = 1_700_000_000_000_000_001n
const point = (type: FieldType, value: Value, timeNs = t0, tags: Array<[string, string]> = []): StoredPoint => ({
  series: createSeries('soil,x', [['site', 'a "b"'], ['device', 'd,1'], ...tags], 'value', type),
  timeNs,
  value,
})

async function text(format: TextFormat, ...pieces: StoredPoint[][]): Promise<string> {
  const source = (async function* () {
    yield* pieces
  })()
  let all = ''
  for await (const piece of exportText(source, format)) all += piece
  return all
}

test('export writes csv with exact times, quoted strings and further tags when the format is csv', async () => {
  const found = await text(
    'csv',
    [point('float', 0.1), point('boolean', false), point('integer', 2 ** 53)],
    [point('string', ''), point('string', 'say "no",\nthen'), point('float', -1.5e-7, t0 + 1n, [['unit', 'x,y']])],
  )
  const time = '2023-11-14T22:13:20.000000001Z'
  expect(found).toBe(
    `time,measurement,field,type,value,site,device,tags
${time},"soil,x",value,float,0.1,"a ""b""","d,1",
${time},"soil,x",value,boolean,false,"a ""b""","d,1",
${time},"soil,x",value,integer,9007199254740992,"a ""b""","d,1",
${time},"soil,x",value,string,"","a ""b""","d,1",
${time},"soil,x",value,string,"say ""no"",
then","a ""b""","d,1",
2023-11-14T22:13:20.000000002Z,"soil,x",value,float,-1.5e-7,"a ""b""","d,1","{""unit"":""x,y""}"
`,
  )
})

test('export writes one object a line when the format is ndjson', async () => {
  const found = await text('ndjson', [point('string', 'two\nlines'), point('boolean', true, t0, [['unit', 'x']])])
  const place = { site: 'a "b"', device: 'd,1' }
  const field = { time: '2023-11-14T22:13:20.000000001Z', measurement: 'soil,x', field: 'value' }
  const lines = found.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { ...field, type: 'string', value: 'two\nlines', ...place, tags: {} },
    { ...field, type: 'boolean', value: true, ...place, tags: { unit: 'x' } },
  ])
})

test('export writes line protocol by type when the format is lines', async () => {
  const values = [point('float', 1), point('integer', 1), point('boolean', true), point('string', 'a "\\b"')]
  const written = ['1', '1i', 'true', '"a \\"\\\\b\\""']
  expect(await text('lines', values)).toBe(
    written.map((value) => `soil\\,x,device=d\\,1,site=a\\ "b" value=${value} 1700000000000000001\n`).join(''),
  )
})

test('export answers the header alone for csv, and nothing otherwise, when there are no points', async () => {
  expect(await text('csv')).toBe(csvHeader)
  expect(await text('csv', [])).toBe(csvHeader)
  expect(await text('lines', [])).toBe('')
  expect(await text('ndjson')).toBe('')
})

test('export asks for the next points only when the last are taken', async () => {
  let asked = 0
  const endless = (async function* () {
    for (;;) {
      asked++
      yield [point('float', asked)]
    }
  })()
  const pieces = exportText(endless, 'lines')
  await pieces.next()
  await pieces.next()
  expect(asked).toBe(2)
  await pieces.return()
  expect(await endless.next()).toEqual({ done: true, value: undefined })
})

test.each([
  [0n, '1970-01-01T00:00:00.000000000Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
  [9_223_372_036_854_775_807n, '2262-04-11T23:47:16.854775807Z'],
])('time %s is written with all its nanoseconds', (timeNs, wanted) => {
  expect(isoTime(timeNs)).toBe(wanted)
})
