// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
/** Everything that routes and sources can say, and what is said of what they cannot. */
import { expect, test } from 'vitest'
import { createRoute, fieldRuleDefaults, type Route, treeDefaults } from '../telemetry/route.ts'
import { loadConfig } from './load.ts'
import { problemsOf } from './problems.fake.ts'

const load = (text: string, env: NodeJS.ProcessEnv = {}) => loadConfig(text, 'f', env)

const problems = (text: string, env: NodeJS.ProcessEnv = {}) => problemsOf(text, 'f', env)

/** One route with the given lines, in YAML's flow form. */
const oneRoute = (rest: string) => `routes: [{ topic: "a/{device}", measurement: m, ${rest} }]`
const routeOf = (rest: string): Route => load(oneRoute(rest)).routes[0] as Route
const routeProblems = (rest: string) => problems(oneRoute(rest)).map((it) => it.replace('1 routes[0]', ''))

const rule = (rest: object) => ({ ...fieldRuleDefaults, field: 'value', ...rest })

test('a route has everything when everything is said', () => {
  const text = `
routes:
  - topic: farm/{site}/{device}/{kind:rain|flow}/#
    measurement: "{kind}_{channel}"
    unit: mm
    payload: cayenne-lpp
    compression: zlib
    tags: { crop: maize }
    fields:
      - { channel: "1", field: rain, measurement: rainfall, type: integer, unit: cm, range: [0, 100] }
      - { channel: "2", counter: { bits: 16, per: 0.2, maxPerHour: 400 } }
      - { channel: "3", scale: 0.5, offset: -1 }
    sequence: device
    time: { ahead: 1h, behind: 30d }
    every: 10min
    calibration:
      - { device: d, site: s, channel: "1", from: 2026-05-01, scale: 1.1, offset: 2 }
      - { device: d, from: "2026-05-01T12:00:00+02:00" }
    examples:
      - { topic: farm/s/d/rain, payload: "1", expect: ["rainfall,device=d rain=1i 1700000000000", 'm s="a b"'] }
      - { topic: farm/s/d/rain/x, hex: "01 67 00F4", expect: bad_value }
      - { topic: farm/s/d/flow, base64: AWcA9A==, expect: [] }
`
  expect(load(text).routes).toEqual([
    {
      topic: 'farm/{site}/{device}/{kind:rain|flow}/#',
      measurement: '{kind}_{channel}',
      unit: 'mm',
      payload: { codec: 'cayenne-lpp' },
      compression: 'zlib',
      tags: { crop: 'maize' },
      fields: [
        rule({ channel: '1', field: 'rain', measurement: 'rainfall', type: 'integer', unit: 'cm', range: [0, 100] }),
        rule({ channel: '2', counter: { bits: 16, per: 0.2, maxPerHour: 400 } }),
        rule({ channel: '3', scale: 0.5, offset: -1 }),
      ],
      sequencePer: 'device',
      aheadMsMax: 3_600_000,
      behindMsMax: 30 * 86_400_000,
      everyMs: 600_000,
      calibration: [
        { device: 'd', site: 's', channel: '1', fromMs: Date.UTC(2026, 4, 1), scale: 1.1, offset: 2 },
        { device: 'd', site: null, channel: null, fromMs: Date.UTC(2026, 4, 1, 10), scale: 1, offset: 0 },
      ],
      examples: [
        {
          topic: 'farm/s/d/rain',
          payload: Buffer.from('1'),
          expect: ['rainfall,device=d rain=1i 1700000000000', 'm s="a b"'],
        },
        { topic: 'farm/s/d/rain/x', payload: Buffer.from([1, 0x67, 0, 0xf4]), expect: { code: 'bad_value' } },
        { topic: 'farm/s/d/flow', payload: Buffer.from([1, 0x67, 0, 0xf4]), expect: [] },
      ],
    },
  ])
})

const tree = (codec: 'json' | 'cbor' | 'msgpack', rest: object) => ({ codec, ...treeDefaults, ...rest })

test.each([
  ['value', { codec: 'value' }],
  ['{ codec: text }', { codec: 'text' }],
  ['cbor', tree('cbor', { values: ['v'] })],
  [
    '{ codec: json, value: a.b, time: "$.at[0]", sequence: "" }',
    tree('json', { values: ['a.b'], time: '$.at[0]', sequence: '' }),
  ],
  [
    '{ codec: json, values: [a, "b[].c"], each: "$.all", step: 60 }',
    tree('json', { values: ['a', 'b[].c'], each: '$.all', step: 60 }),
  ],
  [
    '{ codec: msgpack, timeBase: now, deltas: true, step: d }',
    tree('msgpack', { timeBase: 'now', deltas: true, step: 'd' }),
  ],
  [
    '{ codec: csv, columns: [time, temp, "-", "-"] }',
    { codec: 'csv', columns: ['time', 'temp', '-', '-'], separator: ',', headerLines: 0 },
  ],
  [
    '{ codec: csv, columns: [temp], separator: "\\t", header: 1 }',
    { codec: 'csv', columns: ['temp'], separator: '\t', headerLines: 1 },
  ],
  [
    '{ codec: struct, layout: ["time:u32be", "a:u8/3"], repeat: ["b:i16"], step: 60 }',
    {
      codec: 'struct',
      head: [
        { name: 'time', type: 'u32', bits: null, big: true },
        { name: 'a', type: 'u8', bits: 3, big: false },
      ],
      repeat: [{ name: 'b', type: 'i16', bits: null, big: false }],
      step: 60,
    },
  ],
])('payload %s gives the options of the codec', (payload, options) => {
  expect(routeOf(`payload: ${payload}`).payload).toEqual(options)
})

test('values of a tree may be called as the roles of other codecs are', () => {
  expect(routeOf('payload: { codec: json, values: [time, age, "-"] }').payload).toMatchObject({
    values: ['time', 'age', '-'],
  })
})

test('a route is the same when its codec is named or given as keys', () => {
  expect(routeOf('payload: influx')).toEqual(routeOf('payload: { codec: influx }'))
  expect(routeOf('unit: ""')).toEqual(createRoute({ topic: 'a/{device}', measurement: 'm' }))
})

test.each([
  ['fields: [{ type: integer }]', [rule({ type: 'integer' })]],
  ['payload: text, fields: [{}]', [rule({ type: 'string' })]],
  ['payload: json, fields: [{ scale: 2 }]', [rule({ scale: 2 })]],
  ['payload: { codec: json, value: a.b }, fields: [{ scale: 2 }]', [rule({ scale: 2 })]],
  ['payload: { codec: json, value: a.b }, fields: [{ channel: a.b, scale: 2 }]', [rule({ scale: 2 })]],
  ['payload: { codec: json, values: [a.b] }, fields: [{ channel: a.b }]', [rule({})]],
  ['payload: json, fields: [{ channel: a.b }]', [rule({})]],
  ['payload: { codec: csv, columns: [time, a] }, fields: [{ channel: a }]', [rule({})]],
  ['payload: { codec: csv, columns: [time, a] }, fields: [{}]', [rule({})]],
  ['payload: { codec: struct, layout: ["a:u8"] }, fields: [{ channel: a }]', [rule({ channel: 'a', field: 'a' })]],
  [
    'payload: json, fields: [{ channel: a.b }, { channel: c, field: d }]',
    [rule({ channel: 'a.b', field: 'a_b' }), rule({ channel: 'c', field: 'd' })],
  ],
  ['payload: senml-json, fields: [{ channel: a, measurement: x }]', [rule({ channel: 'a', measurement: 'x' })]],
  ['payload: senml-json, fields: [{ channel: t, unit: Cel }]', [rule({ channel: 't', field: 't', unit: 'Cel' })]],
])('a field is called by the payload when no rule says how: %s', (rest, fields) => {
  expect(routeOf(rest).fields).toEqual(fields)
})

test('values are those that the rules name when the payload is a tree and says none', () => {
  const route = routeOf('payload: cbor, fields: [{ channel: a }, { channel: b }]')
  expect(route.payload).toMatchObject({ values: ['a', 'b'] })
})

test('calibration speaks of the unnamed channel when it names the only one', () => {
  const { calibration } = routeOf('payload: json, calibration: [{ device: d, channel: v, from: 2026-01-01 }]')
  expect(calibration[0]?.channel).toBe('')
})

test.each([
  ['payload: csv', '.payload.columns: is missing, a list of columns wanted'],
  ['payload: struct', '.payload: no members given, layout or repeat wanted'],
  ['payload: 7', '.payload: 7 given, one of value, text, csv'],
  ['payload: { codec: jsn }', '.payload.codec: "jsn" given, one of value, text, csv'],
  ['payload: { columns: [a] }', '.payload.codec: is missing, one of value, text, csv'],
  ['payload: { codec: json, valu: a }', '.payload.valu: unknown key, did you mean "value"?'],
  ['payload: { codec: value, columns: [a] }', '.payload.columns: unknown key, known are codec'],
  ['payload: { codec: json, value: a..b }', '.payload.value: "a..b" given, a path like a.b, a[0] or $.a wanted'],
  ['payload: { codec: json, value: "a[x]" }', '.payload.value: "a[x]" given, a path'],
  ['payload: { codec: json, time: __proto__ }', '.payload.time: "__proto__" given, a path'],
  ['payload: { codec: json, values: [] }', '.payload.values: an empty list given, a list of paths wanted'],
  ['payload: { codec: json, value: a, values: [b] }', '.payload.values: is given beside value'],
  ['payload: { codec: json, values: [a, a] }', '.payload.values[1]: "a" stands twice, first in payload.values[0]'],
  ['payload: { codec: json, step: "a..b" }', '.payload.step: "a..b" given, seconds, or a path wanted'],
  ['payload: { codec: json, timeBase: 1970 }', '.payload.timeBase: 1970 given, one of unix, now, boot wanted'],
  ['payload: { codec: csv, columns: [time, "-"] }', '.payload.columns: hold no channel, only roles'],
  ['payload: { codec: csv, columns: [a, b, a] }', '.payload.columns[2]: "a" stands twice, first in payload.columns[0]'],
  [
    'payload: { codec: csv, columns: [time, a, age] }',
    '.payload.columns[2]: "age" is a second time, first in payload.columns[0]',
  ],
  ['payload: { codec: csv, columns: ["a;b"], separator: ";" }', '.payload.columns[0]: "a;b" holds the separator'],
  ['payload: { codec: csv, columns: [a], separator: "." }', '.payload.separator: "." given, one character'],
  ['payload: { codec: csv, columns: [a], header: 0.5 }', '.payload.header: 0.5 given, a whole number of lines wanted'],
  ['payload: { codec: csv, columns: [a], header: -1 }', '.payload.header: -1 given, a whole number of lines wanted'],
  ['payload: { codec: struct, layout: ["a:u9"] }', '.payload.layout[0]: "a:u9" has an unknown type, did you mean u8?'],
  ['payload: { codec: struct, layout: [a] }', '.payload.layout[0]: "a" given, name:type'],
  ['payload: { codec: struct, layout: ["time:u32"] }', '.payload: no member is a channel'],
  ['payload: { codec: struct, layout: ["a:u8", "a:u8"] }', '.payload.layout[1]: "a" stands twice'],
  [
    'payload: { codec: struct, layout: ["a:u8"], repeat: ["a:u8"] }',
    '.payload.repeat[0]: "a:u8" names a channel that layout has',
  ],
  ['payload: { codec: struct, layout: ["a:u8"], step: 3 }', '.payload.step: is the distance between repeats'],
  ['compression: gz', '.compression: "gz" given, one of none, gzip, zlib wanted'],
  ['tags: maize', '.tags: "maize" given, tag names of small letters, digits and _, with values wanted'],
  ['tags: { Crop: maize }', '.tags.Crop: no such name is possible, tag names of small letters'],
  ['tags: { crop: "" }', '.tags.crop: "" given, text without backslashes and line ends wanted'],
  ['tags: { device: a }', '.tags.device: is a level {device} of the topic already'],
  ['tags: { site: a }', '.tags.site: can only come from a level of the topic'],
  ['tags: { time: a }', '.tags.time: is given, but no tag can have this name'],
  ['fields: { scale: 2 }', '.fields: keys with values given, a list of rules wanted'],
  ['fields: [{ channle: a }]', '.fields[0].channle: unknown key, did you mean "channel"?'],
  [
    'fields: [{ channel: 1 }]',
    '.fields[0].channel: 1 given, a channel as text wanted, for example "temp" (in quotes it is text)',
  ],
  ['fields: [{ channel: a }]', '.fields[0].channel: "a" given, one of "" wanted'],
  ['fields: [{}, {}]', '.fields[1].channel: "" has a rule already, fields[0]'],
  [
    'payload: packed, fields: [{ channel: "1" }, { channel: "1" }]',
    '.fields[1].channel: "1" has a rule already, fields[0]',
  ],
  [
    'payload: { codec: csv, columns: [a, b] }, fields: [{ channel: c }]',
    '.fields[0].channel: "c" given, one of "a", "b" wanted',
  ],
  ['payload: { codec: csv, columns: [a, b] }, fields: [{}]', '.fields[0].channel: "" given, one of "a", "b" wanted'],
  ['payload: { codec: json, value: a }, fields: [{ channel: b }]', '.fields[0].channel: "b" given, one of "a" wanted'],
  ['payload: packed', '.fields: are not given, but packed knows channels by number only'],
  ['payload: packed, fields: [{ channel: temp }]', '.fields[0].channel: "temp" given, a number from 0 to 255 wanted'],
  ['payload: packed, fields: [{ channel: "256" }]', '.fields[0].channel: "256" given, a number from 0 to 255 wanted'],
  ['payload: packed, fields: [{ channel: "01" }]', '.fields[0].channel: "01" given, a number from 0 to 255 wanted'],
  ['fields: [{ field: _a }]', '.fields[0].field: "_a" begins with _'],
  ['fields: [{ field: time }]', '.fields[0].field: "time" is what stores call the time'],
  ['fields: [{ field: time_quality }]', '.fields[0].field: "time_quality" is where the platform writes'],
  [
    'fields: [{ measurement: "{x}" }]',
    '.fields[0].measurement: names a level {x} that the topic does not have, known are {device}, {channel}',
  ],
  ['fields: [{ measurement: completeness }]', '.fields[0].measurement: "completeness" is where the platform writes'],
  ['fields: [{ type: int }]', '.fields[0].type: "int" given, one of float, integer, boolean, string wanted'],
  ['fields: [{ scale: 0 }]', '.fields[0].scale: 0 would make every value the same'],
  ['fields: [{ scale: .inf }]', '.fields[0].scale: Infinity given, a number other than 0 wanted'],
  ['fields: [{ offset: "1" }]', '.fields[0].offset: "1" given, a number wanted'],
  [
    'fields: [{ range: [1] }]',
    '.fields[0].range: a list given, the lowest and the highest valid value as [lowest, highest] wanted',
  ],
  ['fields: [{ range: [1, 2, 3] }]', '.fields[0].range: a list given, the lowest'],
  ['fields: [{ range: [2, 1] }]', '.fields[0].range: [2, 1] is reversed, [lowest, highest] wanted'],
  ['fields: [{ type: string, range: [1, 2] }]', '.fields[0].range: is for numbers, the field is a string'],
  ['payload: text, fields: [{ range: [1, 2] }]', '.fields[0].range: is for numbers, the field is a string'],
  ['fields: [{ type: boolean, offset: 2 }]', '.fields[0].scale: and offset are for numbers, the field is a boolean'],
  [
    'fields: [{ type: boolean, counter: { bits: 8, maxPerHour: 1 } }]',
    '.fields[0].counter: is for numbers, the field is a boolean',
  ],
  ['fields: [{ counter: { bits: 8 } }]', '.fields[0].counter.maxPerHour: is missing, a number above 0 wanted'],
  [
    'fields: [{ counter: { bits: 54, maxPerHour: 1 } }]',
    '.fields[0].counter.bits: 54 given, a whole number from 1 to 53 wanted',
  ],
  [
    'fields: [{ counter: { bits: 0, maxPerHour: 1 } }]',
    '.fields[0].counter.bits: 0 given, a whole number from 1 to 53 wanted',
  ],
  [
    'fields: [{ counter: { bits: 8, per: 0, maxPerHour: 1 } }]',
    '.fields[0].counter.per: 0 given, a number above 0 wanted',
  ],
  [
    'fields: [{ scale: 2, counter: { bits: 8, maxPerHour: 1 } }]',
    '.fields[0].scale: and offset do not go with a counter',
  ],
  ['sequence: client', '.sequence: "client" given, one of topic, device wanted'],
  ['time: { ahead: 10 }', '.time.ahead: 10 given, a duration wanted, for example "10min" (in quotes it is text)'],
  ['time: { behind: 1 month }', '.time.behind: "1 month" given, a duration wanted, for example "30d"'],
  ['calibration: [{ device: d }]', '.calibration[0].from: is missing, a date'],
  ['calibration: [{ device: d, from: 2026-02-30 }]', '.calibration[0].from: "2026-02-30" given, a date'],
  [
    'calibration: [{ device: d, from: 2026-02-01, scale: 0 }]',
    '.calibration[0].scale: 0 would make every value the same',
  ],
  [
    'calibration: [{ device: d, from: 2026-02-01 }, { device: d, from: 2026-02-01T00:00Z }]',
    '.calibration[1].from: is when calibration[0] of the same device and channel begins',
  ],
  ['examples: [{ topic: a/d, expect: [] }]', '.examples[0]: no payload given, one of payload, hex and base64 wanted'],
  ['examples: [{ topic: a/d, payload: a, hex: "00", expect: [] }]', '.examples[0]: payload and hex given'],
  [
    'examples: [{ topic: a/d, payload: 1.2, expect: [] }]',
    '.examples[0].payload: 1.2 given, text wanted, for example "1.2" (in quotes it is text)',
  ],
  ['examples: [{ topic: a/d, hex: "0", expect: [] }]', '.examples[0].hex: "0" given, bytes in hex wanted'],
  ['examples: [{ topic: a/d, base64: "AAA", expect: [] }]', '.examples[0].base64: "AAA" given, bytes in base64 wanted'],
  ['examples: [{ topic: a/d/e, payload: a, expect: [] }]', '.examples[0].topic: "a/d/e" is no topic of this route'],
  ['examples: [{ topic: a/+, payload: a, expect: [] }]', '.examples[0].topic: "a/+" holds + or #'],
  [
    'examples: [{ topic: a/d, payload: a, expect: bad }]',
    '.examples[0].expect: "bad" given, a list of points as line protocol',
  ],
  [
    'examples: [{ topic: a/d, payload: a, expect: [m] }]',
    '.examples[0].expect[0]: "m" given, a point as line protocol wanted',
  ],
  ['examples: [{ topic: a/d, payload: a }]', '.examples[0].expect: is missing, a list of points'],
])('loadConfig says what is wrong with a route when it says %s', (rest, start) => {
  expect(routeProblems(rest).map((it) => it.slice(0, start.length))).toEqual([start])
})

test.each([
  ['{x}_m', 'names a level {x} that the topic does not have, known are {device}, {channel}'],
  ['a{b', '"a{b" holds a brace that belongs to no {name}'],
  ['{}', '"{}" holds a brace'],
])('loadConfig refuses the measurement %s when its braces name nothing', (measurement, words) => {
  const [found, ...others] = problems(`routes: [{ topic: "a/{device}", measurement: "${measurement}" }]`)
  expect(found?.replace('1 routes[0].measurement: ', '')).toContain(words)
  expect(others).toEqual([])
})

/** Routes by their topics, each in a line of its own from line 2 on. */
const topics = (...all: string[]) => `routes:\n${all.map((it) => `  - { topic: "${it}", measurement: m }`).join('\n')}`

test.each<[string[], string[]]>([
  [['a/{device}', 'b/{device}', 'a/{device}/x'], []],
  [['a/{device}/{channel}', 'a/{device}/rain', 'a/{device}/(x|y)', 'a/{device}/#', '{device}/#'], []],
  [
    ['a/{device}/+', '{device}/b/+', 'a/+/{device}'],
    [
      '4 routes[2].topic: "a/+/{device}" matches the same topics as routes[0].topic in line 2, so it would see no message',
    ],
  ],
  [
    ['{device}/(a|b)', '{device}/(c|b)'],
    [
      '3 routes[1].topic: "{device}/(c|b)" matches topics of routes[0].topic in line 2 too, for example "device/b", and neither is more specific',
    ],
  ],
  [
    ['{device}/a/(x|y)', '{device}/{site:a}/(x|z)'],
    [
      '3 routes[1].topic: "{device}/{site:a}/(x|z)" matches topics of routes[0].topic in line 2 too, for example "device/a/x", and neither is more specific',
    ],
  ],
  [
    ['{device}/(a|b)', '{device}/a', '{device}/b'],
    [
      '2 routes[0].topic: "{device}/(a|b)" matches only topics of routes[1].topic in line 3, routes[2].topic in line 4, so it would see no message',
    ],
  ],
  [['{device}/(a|b|c)', '{device}/a', '{device}/b'], []],
  [['{device}/#', '{device}'], []],
])('loadConfig looks at which routes see messages when the topics are %j', (sources, found) => {
  expect(problems(topics(...sources))).toEqual(found)
})

test('loadConfig finds a route dead when the status topic takes all of it', () => {
  const status = 'broker: { status: "{site}/{device}/#" }\n'
  expect(problems(status + topics('a/{device}/x', '{site}/{device}'))).toEqual([
    '3 routes[0].topic: "a/{device}/x" matches only topics of broker.status in line 1, so it would see no message',
    '4 routes[1].topic: "{site}/{device}" matches only topics of broker.status in line 1, so it would see no message',
  ])
  expect(problems(`broker: { status: "+/{device}/x" }\n${topics('{site}/{device}/{channel}')}`)).toEqual([])
})

test('loadConfig shows no example topic when a topic came from a variable', () => {
  const found = problems(topics('{device}/(geheim|b)', '{device}/(${T}|b)'), { T: 'geheim' })
  expect(found).toEqual([
    '3 routes[1].topic: (from ${T}) matches the same topics as routes[0].topic in line 2, so it would see no message',
  ])
  const overlapping = problems(topics('{device}/(${T}|a)', '{device}/(${T}|b)'), { T: 'geheim' })
  expect(overlapping).toHaveLength(1)
  expect(overlapping[0]).not.toContain('geheim')
})

test('loadConfig repeats no part of a variable when a route made of it does not fit together', () => {
  const text = `
routes:
  - topic: \${S}/{\${S}}/{device}
    measurement: a_{\${S}x}
    payload: { codec: csv, columns: ["\${S}", "\${S}"] }
    fields: [{ channel: "\${S}x" }]
    examples: [{ topic: "\${S}", payload: a, expect: [] }]
`
  const found = problems(text, { S: 'geheim' })
  expect(found.map((it) => it.split(':')[0])).toEqual([
    '4 routes[0].measurement',
    '5 routes[0].payload.columns[1]',
    '6 routes[0].fields[0].channel',
    '7 routes[0].examples[0].topic',
  ])
  expect(found.join('\n').replaceAll('${S}', '')).not.toContain('geheim')
})

test('loadConfig tells of two routes when they write one field as two types', () => {
  const text = `
routes:
  - { topic: "a/{device}", measurement: m }
  - { topic: "b/{device}", measurement: m, payload: text }
  - topic: c/{device}/{kind:m|n}
    measurement: "{kind}"
    payload: { codec: json, values: [x, y] }
    fields:
      - { channel: x, type: integer, field: value }
      - { channel: y, type: integer }
  - { topic: "d/{device}", measurement: n, payload: senml-json, fields: [{ channel: y, type: float }] }
`
  expect(problems(text)).toEqual([
    '4 routes[1]: writes the field value of m as string, routes[0] writes it as float',
    '9 routes[2].fields[0]: writes the field value of m as integer, routes[0] writes it as float',
    '11 routes[3].fields[0]: writes the field y of n as float, routes[2].fields[1] writes it as integer',
  ])
})

test.each([
  ['value', false],
  ['{ codec: json, value: temp }', false],
  ['{ codec: csv, columns: [time, temp] }', false],
  ['{ codec: csv, columns: [time, temp, hum] }', true],
  ['{ codec: struct, layout: ["temp:u8"] }', true],
  ['senml-json', true],
  ['json, fields: [{ channel: temp, measurement: temperature }]', true],
])('a measurement can be called by the channel when the payload is %s: %s', (payload, isFine) => {
  const found = problems(`routes: [{ topic: "a/{device}", measurement: "{channel}", payload: ${payload} }]`)
  const problem = '1 routes[0].measurement: takes {channel} from the payload, which has one channel without a name'
  expect(found).toEqual(isFine ? [] : [problem])
  const named = `routes: [{ topic: "{device}/{channel}", measurement: "{channel}", payload: ${payload} }]`
  expect(problems(named)).toEqual([])
})

const oneSource = (rest: string) => `sources: [{ url: mqtt://x, topics: [a], ${rest} }]`

test.each([
  ['sources: [{ url: mqtt://x }]', 'sources[0].topics: is missing, a list of MQTT topic filters wanted'],
  [
    'sources: [{ url: http://x, topics: [a] }]',
    'sources[0].url: "http://x" given, mqtt://host:port, or mqtts:// for TLS',
  ],
  ['sources: [{ url: "mqtt://u:31337@x", topics: [a] }]', 'sources[0].url: "mqtt://...@x" given, mqtt://host:port'],
  ['sources: [{ url: mqtt://x, topics: [] }]', 'sources[0].topics: an empty list given'],
  [
    'sources: [{ url: mqtt://x, topics: ["a/#/b"] }]',
    'sources[0].topics[0]: "a/#/b" has a # that is not the last level',
  ],
  ['sources: [{ url: mqtt://x, topics: ["a#"] }]', 'sources[0].topics[0]: "a#" has a # that is not the last level'],
  ['sources: [{ url: mqtt://x, topics: ["a+"] }]', 'sources[0].topics[0]: "a+" has a + that is not a level of its own'],
  [
    'sources: [{ url: mqtt://x, topics: ["$share/g/a"] }]',
    'sources[0].topics[0]: "$share/g/a" asks for a shared subscription',
  ],
  ['sources: [{ url: mqtt://x, topics: ["a\\0"] }]', 'sources[0].topics[0]: "a\\u0000" holds control characters'],
  [oneSource('share: a/b'), 'sources[0].share: "a/b" given, a name without /, + and # wanted'],
  [oneSource('clientId: ""'), 'sources[0].clientId: "" given, a client identifier wanted'],
  [oneSource(`clientId: ${'x'.repeat(257)}`), `sources[0].clientId: "${'x'.repeat(80)}..." is longer than 256 bytes`],
  [oneSource('password: "31337"'), 'sources[0].password: is given without a username'],
  [oneSource('username: u, password: 31337'), 'sources[0].password: a number given, text wanted'],
  ['sources: "31337"', 'sources: a text given, a list of sources wanted'],
  ['sources: ["31337"]', 'sources[0]: a text given, a source wanted'],
  ['http: { ingestToken: "31337 " }', 'http.ingestToken: a text given, a token without blanks and line ends wanted'],
  ['http: "31337"', 'http: a text given, keys with values wanted'],
])('loadConfig says what is wrong, and no secret, when it finds %s', (text, start) => {
  const found = problems(text)
  expect(found.map((it) => it.slice(2, 2 + start.length))).toEqual([start])
  expect(found.join('')).not.toContain('31337')
})

test('loadConfig refuses a client identifier when another source has it at the same broker', () => {
  const source = (url: string, rest = '') => `{ url: "${url}", topics: [a] ${rest} }`
  const text = `sources: [${source('mqtt://x')}, ${source('mqtt://X:1883')}, ${source('mqtts://x')}, ${source('mqtt://x', ', clientId: b')}]`
  expect(problems(text)).toEqual(['1 sources[1].clientId: "dewpoint" is taken at this broker by sources[0]'])
})
