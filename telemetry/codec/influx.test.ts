import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createMemory, isProblem, type Reading, type Value } from '../reading.ts'
import { createChance, tamper } from './hostile.ts'
import { influxCodec } from './influx.ts'

const context = { topic: 't', memory: createMemory() }
const decode = (text: string) => influxCodec.decode(Buffer.from(text), context)
type Tags = Array<[string, string]>
const reading = (measurement: string, tags: Tags, channel: string, value: Value, timeMs?: number): Reading => ({
  channel,
  value,
  unit: '',
  timeBase: timeMs === undefined ? 'none' : 'unix',
  timeMs: timeMs ?? 0,
  series: { measurement, tags },
})
const readingsOf = (text: string) => {
  const reports = decode(text)
  if (isProblem(reports)) throw new Error(reports.detail)
  return reports.flatMap((report) => report.readings)
}

test.each<[string, Reading[]]>([
  ['m f=1', [reading('m', [], 'f', 1)]],
  [
    'cpu,host=a,cpu=cpu0 idle=98.5,n=3i 1700000000',
    [
      reading(
        'cpu',
        [
          ['host', 'a'],
          ['cpu', 'cpu0'],
        ],
        'idle',
        98.5,
        1_700_000_000_000,
      ),
      reading(
        'cpu',
        [
          ['host', 'a'],
          ['cpu', 'cpu0'],
        ],
        'n',
        3,
        1_700_000_000_000,
      ),
    ],
  ],
  [
    'm a=1u,b=-2i,c=.5,d=5.,e=-1.5E-3,f=1e3',
    [1, -2, 0.5, 5, -0.0015, 1000].map((it, i) => reading('m', [], 'abcdef'[i] as string, it)),
  ],
  ['m a=t,b=T,c=true,d=True,e=TRUE', [...'abcde'].map((it) => reading('m', [], it, true))],
  ['m a=f,b=F,c=false,d=False,e=FALSE', [...'abcde'].map((it) => reading('m', [], it, false))],
  ['m f="a \\"quoted\\", b=c \\\\ \\n"', [reading('m', [], 'f', 'a "quoted", b=c \\ \\n')]],
  ['m f="",g=1', [reading('m', [], 'f', ''), reading('m', [], 'g', 1)]],
  ['m f="two\nlines"\nm g=1', [reading('m', [], 'f', 'two\nlines'), reading('m', [], 'g', 1)]],
  [
    'my\\ m\\,x=y,tag\\ a\\,b\\=c=v\\ 1\\,2\\=3 fi\\ e\\,l\\=d\\"=1',
    [reading('my m,x=y', [['tag a,b=c', 'v 1,2=3']], 'fi e,l=d"', 1)],
  ],
  // A backslash before what needs none is a backslash [InfluxDB line protocol, special characters].
  ['a\\b,t=c:\\dir\\\\ x f\\g="h\\i"', [reading('a\\b', [['t', 'c:\\dir\\ x']], 'f\\g', 'h\\i')]],
  ['m,t="q" f=1', [reading('m', [['t', '"q"']], 'f', 1)]],
  ['m,t=é f="💧"', [reading('m', [['t', 'é']], 'f', '💧')]],
  [
    '# comment\n\n  \t\nm f=1 \r\n # another\n  m   f=2   1700000000  \n',
    [reading('m', [], 'f', 1), reading('m', [], 'f', 2, 1_700_000_000_000)],
  ],
  ['', []],
  ['# only this', []],
])('influx codec reads %j', (text, readings) => {
  expect(decode(text)).toEqual(readings.length === 0 ? [] : [{ readings }])
})

test.each([
  ['0', 0],
  ['1700000000', 1_700_000_000_000],
  ['1700000000123', 1_700_000_000_123],
  ['1700000000123456', 1_700_000_000_123.456],
  ['1700000000123456789', 1_700_000_000_123.4568],
])('influx codec tells the precision by the size of %s', (text, timeMs) => {
  expect(readingsOf(`m f=1 ${text}`)[0]?.timeMs).toBe(timeMs)
})

test.each([
  ['m', 'bad_payload', 'line 1, character 2: a space and a field wanted'],
  ['m ', 'bad_payload', 'line 1, character 3: a field like name=1.2 wanted'],
  ['m f', 'bad_payload', 'a field like'],
  ['m f=', 'bad_value', '"" given'],
  ['m f=1,', 'bad_payload', 'a field like'],
  ['m f=1,=2', 'bad_payload', 'a field like'],
  [',t=a f=1', 'bad_payload', 'a measurement wanted'],
  ['m,t f=1', 'bad_payload', 'a tag like name=value'],
  ['m,=a f=1', 'bad_payload', 'a tag like'],
  ['m,t= f=1', 'bad_payload', 'a value of tag t wanted'],
  ['m,t=a=b f=1', 'bad_payload', 'a space and a field'],
  ['m,t=a,t=b f=1', 'bad_payload', 'only once'],
  [`m${Array.from({ length: 65 }, (_, i) => `,t${i}=a`).join('')} f=1`, 'bad_payload', 'at most 64 tags'],
  ['m, f=1', 'bad_payload', 'a tag like'],
  ['m f="open', 'bad_payload', 'a closing " wanted'],
  ['m f="a"b', 'bad_payload', 'the end of the line'],
  ['m f=1 17e8', 'bad_time', '"17e8" given'],
  ['m f=1 -1', 'bad_time', '"-1" given'],
  ['m f=1 99999999999', 'bad_time', 'beyond 2261'],
  ['m f=1 9999999999999999999', 'bad_time', 'beyond 2261'],
  ['m f=1 1 2', 'bad_payload', 'the end of the line'],
  ['m f=NaN', 'bad_value', '"NaN" given'],
  ['m f=1e999', 'bad_value', 'too large'],
  ['m f=9007199254740993i', 'bad_value', 'beyond 2^53'],
  ['m f=-1u', 'bad_value', '"-1u" given'],
  ['m f=1.5i', 'bad_value', '"1.5i" given'],
  ['m f=tRUE', 'bad_value', '"tRUE" given'],
  ['m f=1\n# comment\nm g="a\nb"\n m h=x', 'bad_value', 'line 5, character 7: "x" given'],
])('influx codec names line and problem of %j', (text, code, part) => {
  expect(decode(text)).toEqual({ code, detail: expect.stringContaining(part) })
})

test('influx codec refuses a payload that is not UTF-8', () => {
  expect(influxCodec.decode(Buffer.from('6d20663d22ff22', 'hex'), context)).toEqual({
    code: 'bad_payload',
    detail: 'the payload is not UTF-8',
  })
})

test('influx codec refuses more readings than a message may hold', () => {
  expect(readingsOf('m f=1\n'.repeat(limits.readingsPerMessageMax))).toHaveLength(limits.readingsPerMessageMax)
  expect(decode('m f=1\n'.repeat(limits.readingsPerMessageMax + 1))).toEqual({
    code: 'bad_payload',
    detail: expect.stringContaining('more than 10000 readings'),
  })
})

test('influx encoder throws when the format cannot say it', () => {
  const encode = (it: Reading) => influxCodec.encode([{ readings: [it] }])
  expect(() => encode({ channel: 'f', value: 1, unit: '', timeBase: 'none', timeMs: 0 })).toThrow('names no series')
  expect(() => encode(reading('#m', [], 'f', 1))).toThrow('comment')
  expect(() => encode(reading('m', [['t', 'a\\']], 'f', 1))).toThrow('value of tag t')
  expect(() => encode(reading('m', [['t', 'a\nb']], 'f', 1))).toThrow('line ends')
  expect(() => encode(reading('m', [], '', 1))).toThrow('field ""')
  expect(() => encode(reading('m', [], 'f', Number.NaN))).toThrow('f is NaN')
  expect(() => encode(reading('m', [], 'f', 1, 1000))).toThrow('1973')
})

const seed = Date.now() % 2 ** 31

test(`influx codec reads what it wrote, and never throws, seed ${seed}`, () => {
  const chance = createChance(seed)
  const name = () =>
    Array.from({ length: 1 + chance(5) }, () => 'ab,= "\\é💧#'.match(/./gu)?.[chance(10)])
      .join('')
      .replace(/\\+$|^#+/g, 'x')
  const values: Array<() => Value> = [
    name,
    () => chance(2) === 0,
    () => chance(2 ** 32) / 1000 - 1e6,
    () => 0 - chance(9) - 1,
  ]
  for (let round = 0; round < 3000; round++) {
    const readings = Array.from({ length: 1 + chance(4) }, () => {
      const tags: Tags = [...new Set(Array.from({ length: chance(3) }, name))].map((it) => [it, name()])
      const timeMs = [undefined, 1_700_000_000_000 + chance(1e9), 1_700_000_000_000 + chance(1e9) / 1000][chance(3)]
      return reading(name(), tags, name(), (values[chance(values.length)] as () => Value)(), timeMs)
    })
    const more = [...readings, { ...(readings.at(-1) as Reading), channel: name() }]
    const payload = influxCodec.encode([{ readings: more }])
    expect(influxCodec.decode(payload, context)).toEqual([{ readings: more }])
    const hostile = influxCodec.decode(tamper(payload, chance), context)
    if (!isProblem(hostile)) {
      const all = hostile.flatMap((it) => it.readings)
      expect(all.length).toBeLessThanOrEqual(payload.length + 8)
      expect(all.every((it) => typeof it.value !== 'number' || Number.isFinite(it.value))).toBe(true)
    }
  }
})
