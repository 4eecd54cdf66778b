import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, isProblem, type Reading, type Report, type Value } from '../reading.ts'
import { createChance, tamper } from './hostile.ts'
import { sparkplugBCodec } from './sparkplug-b.ts'
import { encodeNbirth, encodeNdeath, encodeSparkplugData, type SparkplugMetric } from './sparkplug-encode.ts'
import { writePayload } from './sparkplug-payload.ts'
import { type Datatype, datatypes } from './sparkplug-value.ts'

const birthMs = 1_700_000_000_000

/** A host's view of edge node `field/edge-1`: payloads in, what became of them out. */
function host() {
  const memory = createMemory()
  const hear = (type: string, payload: Buffer, device = '') =>
    sparkplugBCodec.decode(payload, {
      topic: `spBv1.0/field/${type}/edge-1${device === '' ? '' : `/${device}`}`,
      memory,
    })
  return {
    memory,
    hear,
    nbirth: (bdSeq = 0, timestampMs = birthMs, metrics = [temperature]) =>
      hear('NBIRTH', encodeNbirth({ timestampMs, bdSeq, metrics })),
    ndeath: (bdSeq: number) => hear('NDEATH', encodeNdeath(bdSeq)),
    dbirth: (timestampMs = birthMs + 1, metrics = [rain], device = 'gauge') =>
      hear('DBIRTH', encodeSparkplugData({ timestampMs, seq: 1, metrics }), device),
    ndata: (metric: SparkplugMetric, seq = 2) =>
      hear('NDATA', encodeSparkplugData({ timestampMs: birthMs + 1000, seq, metrics: [metric] })),
    ddata: (metric: SparkplugMetric, seq = 2) =>
      hear('DDATA', encodeSparkplugData({ timestampMs: birthMs + 1000, seq, metrics: [metric] }), 'gauge'),
  }
}
const temperature: SparkplugMetric = { name: 'Temperature', alias: 1, datatype: 'Double', value: 20.5 }
const rain: SparkplugMetric = { name: 'Rain', alias: 7, datatype: 'UInt16', value: 0 }
const byAlias = (metric: SparkplugMetric, value: Value | null): SparkplugMetric => ({
  alias: metric.alias as number,
  datatype: metric.datatype,
  value,
})
const reading = (channel: string, value: Value, timeMs: number): Reading => ({
  channel,
  value,
  unit: '',
  timeBase: 'unix',
  timeMs,
})
const valuesOf = (heard: ReturnType<typeof sparkplugBCodec.decode>) =>
  isProblem(heard) ? heard : heard.flatMap((report) => report.readings.map(({ channel, value }) => [channel, value]))
const noBirth = (detail: string) => ({ code: 'no_birth', detail: expect.stringContaining(detail) })

test('sparkplug-b codec takes the metrics of a birth as readings, but neither bdSeq nor controls', () => {
  expect(host().nbirth(4)).toEqual([
    {
      readings: [reading('Temperature', 20.5, birthMs)],
      sequence: 0,
      sequenceBits: 8,
      boot: 4,
    },
  ])
})

test('sparkplug-b codec reads the bytes of another encoder', () => {
  // By hand from sparkplug_b.proto: timestamp 1000, seq 3, one metric "T" with timestamp 900, type Int8 and value -1.
  const payload = Buffer.from('08e807 120e 0a0154 188407 2001 50ffffffff0f 1803'.replaceAll(' ', ''), 'hex')
  expect(host().hear('NDATA', payload)).toEqual([{ readings: [reading('T', -1, 900)], sequence: 3, sequenceBits: 8 }])
})

test('sparkplug-b codec finds names by alias when a birth announced them', () => {
  const { nbirth, dbirth, ndata, ddata } = host()
  nbirth(4)
  dbirth()
  expect(ndata(byAlias(temperature, 21))).toEqual([
    {
      readings: [reading('Temperature', 21, birthMs + 1000)],
      sequence: 2,
      sequenceBits: 8,
      boot: 4,
    },
  ])
  expect(valuesOf(ddata(byAlias(rain, 3)))).toEqual([['Rain', 3]])
})

test('sparkplug-b codec takes the datatype from the birth when data leaves it out', () => {
  const { hear, nbirth } = host()
  const data = (name: string) => writePayload({ seq: 1, metrics: [{ name, value: { kind: 'int', value: 0xffn } }] })
  nbirth(0, birthMs, [{ name: 'Signed', datatype: 'Int8', value: 0 }])
  expect(valuesOf(hear('NDATA', data('Signed')))).toEqual([['Signed', -1]])
  expect(hear('NDATA', data('Unknown'))).toEqual(noBirth('the datatype of metric Unknown'))
})

test('sparkplug-b codec says no_birth when an alias was never announced', () => {
  const { nbirth, ndata, ddata } = host()
  expect(ndata(byAlias(temperature, 1))).toEqual(noBirth('alias 1 of field/edge-1 is in no birth'))
  nbirth()
  // An alias of the node is none of its devices'.
  expect(ddata(byAlias(temperature, 1))).toEqual(noBirth('alias 1 of field/edge-1/gauge'))
})

test('sparkplug-b codec forgets aliases when the session dies or begins anew', () => {
  const { nbirth, ndeath, dbirth, ndata, ddata } = host()
  nbirth(4)
  dbirth()
  ndeath(4)
  expect(ndata(byAlias(temperature, 1))).toEqual(noBirth('alias 1'))
  expect(ddata(byAlias(rain, 1))).toEqual(noBirth('alias 7'))
  nbirth(5, birthMs + 5000, [{ name: 'Pressure', alias: 1, datatype: 'Double', value: 1 }])
  expect(valuesOf(ndata(byAlias(temperature, 2)))).toEqual([['Pressure', 2]])
  expect(ddata(byAlias(rain, 1))).toEqual(noBirth('alias 7'))
  dbirth(birthMs + 5001, [{ ...rain, name: 'Snow' }])
  expect(valuesOf(ddata(byAlias(rain, 1)))).toEqual([['Snow', 1]])
})

test('sparkplug-b codec keeps the newer birth when the will of the session before comes late', () => {
  const { nbirth, ndeath, ndata } = host()
  nbirth(4)
  nbirth(5, birthMs + 5000)
  expect(ndeath(4)).toEqual([])
  expect(valuesOf(ndata(byAlias(temperature, 1)))).toEqual([['Temperature', 1]])
})

test("sparkplug-b codec keeps a device's birth when it comes before that of its node", () => {
  const first = host()
  expect(valuesOf(first.dbirth(birthMs + 1))).toEqual([['Rain', 0]])
  first.nbirth(5)
  expect(valuesOf(first.ddata(byAlias(rain, 1)))).toEqual([['Rain', 1]])
  const crossed = host()
  crossed.nbirth(4, birthMs - 9000)
  crossed.dbirth(birthMs)
  crossed.ndeath(4)
  crossed.nbirth(5, birthMs)
  expect(valuesOf(crossed.ddata(byAlias(rain, 1)))).toEqual([['Rain', 1]])
})

test('sparkplug-b codec keeps data that is stamped in the millisecond of the next birth', () => {
  const { nbirth, ndata } = host()
  nbirth(4)
  const before = ndata({ ...temperature, value: 19, timestampMs: birthMs + 5000 }) as Report[]
  nbirth(4, birthMs + 5000)
  expect(before[0]?.readings).toEqual([reading('Temperature', 19, birthMs + 5000)])
})

test('sparkplug-b codec forgets a device when it dies, but not when its death is older than its birth', () => {
  const { hear, nbirth, dbirth, ddata } = host()
  const ddeath = (timestampMs: number) =>
    hear('DDEATH', encodeSparkplugData({ timestampMs, seq: 5, metrics: [] }), 'gauge')
  nbirth()
  dbirth(birthMs + 10)
  const counted = { readings: [], sequence: 5, sequenceBits: 8, boot: 0 }
  expect(ddeath(birthMs + 9)).toEqual([counted])
  expect(valuesOf(ddata(byAlias(rain, 1)))).toEqual([['Rain', 1]])
  expect(ddeath(birthMs + 11)).toEqual([counted])
  expect(ddata(byAlias(rain, 1))).toEqual(noBirth('alias 7'))
})

test('sparkplug-b codec gives no readings when commands, states and deaths come', () => {
  const { hear, memory } = host()
  const command = encodeSparkplugData({ timestampMs: birthMs, seq: 0, metrics: [temperature] })
  expect(hear('NCMD', command)).toEqual([])
  expect(hear('DCMD', command, 'gauge')).toEqual([])
  expect(hear('NDEATH', encodeNdeath(1))).toEqual([])
  const state = Buffer.from('{"online":true,"timestamp":1}')
  expect(sparkplugBCodec.decode(state, { topic: 'spBv1.0/STATE/host', memory })).toEqual([])
  expect(hear('STATE', state)).toEqual([])
})

test('sparkplug-b codec leaves out what is null, and what is no reading', () => {
  const { hear } = host()
  const metrics = [
    { name: 'Null', datatype: datatypes.Double, isNull: true },
    { name: 'File', datatype: 18, value: { kind: 'string', value: 'x' } },
    { name: 'Array', datatype: 22, value: { kind: 'string', value: 'x' } },
    { name: 'Device Control/Reboot', datatype: datatypes.Boolean, value: { kind: 'boolean', value: true } },
    { name: 'Kept', datatype: datatypes.Boolean, value: { kind: 'boolean', value: true } },
  ] as const
  expect(valuesOf(hear('NDATA', writePayload({ seq: 1, metrics: [...metrics] })))).toEqual([['Kept', true]])
  // A template, a data set and bytes as they stand on the wire, with fields of theirs that we do not know.
  const writer = new BinaryWriter()
  for (const field of [16, 17, 18]) {
    writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(`m${field}`)
    writer
      .tag(4, WireType.Varint)
      .uint32(field === 18 ? 19 : field)
      .tag(field, WireType.LengthDelimited)
      .bytes(Buffer.from('0801120161', 'hex'))
      .join()
  }
  expect(hear('NDATA', Buffer.from(writer.finish()))).toEqual([])
})

test.each<[Datatype, Value]>([
  ['Int8', -128],
  ['Int16', -32_768],
  ['Int32', -2_147_483_648],
  ['Int64', -9_007_199_254_740_991],
  ['UInt8', 255],
  ['UInt16', 65_535],
  ['UInt32', 4_294_967_295],
  ['UInt64', 9_007_199_254_740_991],
  ['Float', 1.5],
  ['Double', 3.712],
  ['Boolean', false],
  ['String', 'é💧'],
  ['Text', ''],
  ['UUID', '0b5e'],
  ['DateTime', 1_700_000_000_000],
])('sparkplug-b codec reads and writes %s', (datatype, value) => {
  expect(valuesOf(host().ndata({ name: 'm', datatype, value }))).toEqual([['m', value]])
})

test.each<[string, Buffer, string, string]>([
  [
    'a number beyond 2^53',
    writePayload({ metrics: [{ name: 'm', datatype: 8, value: { kind: 'long', value: 2n ** 63n } }] }),
    'bad_value',
    'metric m: 9223372036854776000 is beyond',
  ],
  [
    'not a number',
    writePayload({ metrics: [{ name: 'm', datatype: 9, value: { kind: 'float', value: Number.NaN } }] }),
    'bad_value',
    'metric m: NaN',
  ],
  [
    'a value of another type',
    writePayload({ metrics: [{ name: 'm', datatype: 11, value: { kind: 'double', value: 1 } }] }),
    'bad_value',
    'a value of kind double given, Boolean announced',
  ],
  ['no value', writePayload({ metrics: [{ name: 'm', datatype: 11 }] }), 'bad_value', 'neither a value nor is_null'],
  [
    'no name',
    writePayload({ metrics: [{ datatype: 11, value: { kind: 'boolean', value: true } }] }),
    'bad_payload',
    'neither name nor alias',
  ],
  [
    'a long name',
    writePayload({ metrics: [{ name: 'n'.repeat(513), datatype: 11 }] }),
    'bad_payload',
    '513 characters',
  ],
  ['a seq of 256', writePayload({ seq: 256, metrics: [] }), 'bad_sequence', 'seq is 256'],
  [
    'a time too late',
    writePayload({
      timestampMs: 1e15,
      metrics: [{ name: 'm', datatype: 11, value: { kind: 'boolean', value: true } }],
    }),
    'bad_time',
    'metric m',
  ],
  ['text', Buffer.from('{"v":1}'), 'bad_payload', 'no Sparkplug B payload'],
  [
    'a cut payload',
    encodeNbirth({ timestampMs: 1, bdSeq: 0, metrics: [] }).subarray(0, 20),
    'bad_payload',
    'no Sparkplug B payload',
  ],
  ['a name that is not UTF-8', Buffer.from('12030a01ff', 'hex'), 'bad_payload', 'no Sparkplug B payload'],
])('sparkplug-b codec names the problem of %s', (_, payload, code, part) => {
  expect(host().hear('NDATA', payload)).toEqual({ code, detail: expect.stringContaining(part) })
})

test.each([
  'spBv1.0/g/NDATA',
  'spBv1.0/g/DDATA/e',
  'spBv1.0/g/NDATA/e/d',
  'spBv1.0/g/NDATAS/e',
  'spAv1.0/g/NDATA/e',
  'spBv1.0//NDATA/e',
  'spBv1.0/g/DDATA/e/d/f',
  'spBv1.0/g/NDATA/e/',
  'spBv1.0/g/DDATA/e/',
  '',
])('sparkplug-b codec refuses topic %j', (topic) => {
  expect(sparkplugBCodec.decode(Buffer.alloc(0), { topic, memory: createMemory() })).toEqual({
    code: 'bad_topic',
    detail: expect.stringContaining('spBv1.0/{group}/NDATA'),
  })
})

test('sparkplug-b codec refuses a birth when it is ambiguous or too large, and keeps the one before', () => {
  const { nbirth, dbirth, ndata } = host()
  nbirth()
  expect(nbirth(1, birthMs, [temperature, { ...rain, alias: 1 }])).toEqual({
    code: 'bad_payload',
    detail: 'alias 1 is given to both Temperature and Rain',
  })
  expect(nbirth(1, birthMs, [byAlias(temperature, 1)])).toEqual({
    code: 'bad_payload',
    detail: 'metric 2 of a birth has no name',
  })
  const many = Array.from({ length: limits.metricsPerEdgeMax / 2 }, (_, i) => ({
    ...rain,
    name: `m${i}`,
    alias: 100 + i,
  }))
  expect(isProblem(dbirth(birthMs, many, 'a'))).toBe(false)
  expect(dbirth(birthMs, many, 'b')).toEqual({
    code: 'bad_payload',
    detail: expect.stringContaining('at most 5000 wanted'),
  })
  expect(valuesOf(ndata(byAlias(temperature, 1)))).toEqual([['Temperature', 1]])
})

test('sparkplug-b codec remembers in plain JSON', () => {
  const { memory, nbirth, dbirth, ndata, hear } = host()
  nbirth(4, birthMs, [temperature, { ...rain, name: '__proto__', alias: 2 }])
  dbirth(birthMs + 1, [rain], '__proto__')
  const key = 'sparkplug-b field/edge-1'
  memory.set(key, JSON.parse(JSON.stringify(memory.get(key))))
  expect(valuesOf(ndata({ alias: 2, datatype: 'UInt16', value: 3 }))).toEqual([['__proto__', 3]])
  const data = encodeSparkplugData({ timestampMs: birthMs, seq: 1, metrics: [byAlias(rain, 4)] })
  expect(valuesOf(hear('DDATA', data, '__proto__'))).toEqual([['Rain', 4]])
  expect(hear('DDATA', data, 'constructor')).toEqual(noBirth('alias 7'))
})

test('sparkplug-b encoder throws when the format cannot say it', () => {
  const encode = (it: Partial<Reading>, sequence = 0) =>
    sparkplugBCodec.encode([{ readings: [{ ...reading('m', 1, 1000), ...it }], sequence }])
  expect(() => encode({}, 256)).toThrow('seq is 256')
  expect(() => encode({ timeBase: 'boot' })).toThrow('counts from boot')
  expect(() =>
    encodeSparkplugData({ timestampMs: 0, seq: 0, metrics: [{ name: 'm', datatype: 'UInt8', value: 256 }] }),
  ).toThrow('256 given for metric m of type UInt8')
  expect(() => sparkplugBCodec.encode([])).toThrow('exactly one report')
})

const seed = Date.now() % 2 ** 31

test(`sparkplug-b codec reads what it wrote, and never throws, seed ${seed}`, () => {
  const chance = createChance(seed)
  const { hear } = host()
  const values: Array<() => Value> = [() => chance(2 ** 32) / 1000, () => chance(2) === 0, () => `é${chance(99)}`]
  const good: Array<[string, Buffer, string]> = [
    ['NBIRTH', encodeNbirth({ timestampMs: birthMs, bdSeq: 1, metrics: [temperature] }), ''],
    ['DBIRTH', encodeSparkplugData({ timestampMs: birthMs, seq: 1, metrics: [rain] }), 'gauge'],
    ['NDEATH', encodeNdeath(1), ''],
    ['DDEATH', encodeSparkplugData({ timestampMs: birthMs, seq: 1, metrics: [] }), 'gauge'],
    ['NDATA', encodeSparkplugData({ timestampMs: birthMs, seq: 1, metrics: [byAlias(temperature, 4)] }), ''],
  ]
  for (let round = 0; round < 3000; round++) {
    const readings = Array.from({ length: 1 + chance(5) }, (_, i) =>
      reading(`m${i}`, (values[chance(values.length)] as () => Value)(), birthMs + chance(1e6)),
    )
    const report: Report = { readings, sequence: chance(256), sequenceBits: 8 }
    const payload = sparkplugBCodec.encode([{ ...report, sentMs: birthMs + 1e6 }])
    expect(host().hear('DDATA', payload, 'gauge')).toEqual([report])
    const [type, bytes, device] =
      chance(2) === 0 ? (['DDATA', payload, 'gauge'] as const) : (good[chance(good.length)] as [string, Buffer, string])
    const heard = hear(type, tamper(bytes, chance), device)
    if (isProblem(heard)) continue
    for (const { value } of heard.flatMap((it) => it.readings))
      expect(typeof value !== 'number' || Number.isFinite(value)).toBe(true)
  }
})
