// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { createRoute } from '../telemetry/route.ts'
import { loadConfig, readConfigFile } from './load.ts'
import { problemsOf } from './problems.fake.ts'

const load = (text: string | null, env: NodeJS.ProcessEnv = {}) => loadConfig(text, 'telemetry.yaml', env)

const problems = (text: string, env: NodeJS.ProcessEnv = {}) => problemsOf(text, 'telemetry.yaml', env)

const defaults = {
  data: './data',
  broker: {
    listen: [{ scheme: 'mqtt', host: '127.0.0.1', port: 1883, path: '' }],
    tls: null,
    origins: [],
    connections: {},
    workers: 0,
    commands: { topics: ['commands/#'], expiryMs: limits.commandExpiryMs },
    accessLog: { connects: 0, publishes: 0 },
    anonymous: false,
    credentials: null,
    access: null,
    status: 'sensors/{site}/{device}/status',
  },
  http: { host: '127.0.0.1', port: 8080, anonymous: false, ingestToken: null },
  store: { type: 'duckdb' },
  journal: { bytesMax: limits.journalBytesMax },
  sources: [],
  routes: [
    createRoute({ topic: 'sensors/{site}/{device}/rainfall', measurement: 'rainfall', unit: 'mm' }),
    createRoute({ topic: 'sensors/{site}/{device}/pulse', measurement: 'pulse', unit: 'beat/min' }),
    createRoute({ topic: 'sensors/{site}/{device}/voltage', measurement: 'voltage', unit: 'V' }),
  ],
  alerts: {
    rules: [
      {
        name: 'device-offline',
        condition: { kind: 'state', states: ['offline', 'lost'] },
        site: '',
        device: '',
        forMs: 0,
        severity: 'warning',
        labels: {},
        schedule: null,
        notify: ['mqtt'],
        escalate: null,
        remindMs: null,
      },
    ],
    notifiers: [{ name: 'mqtt', type: 'mqtt', topic: 'alerts', perMinuteMax: 20, title: '', text: '' }],
    publicUrl: '',
    maintenance: [],
  },
}

test.each([
  ['absent', null],
  ['empty', ''],
  ['only comments', '# nothing\n'],
  ['empty sections', 'data:\nbroker:\n  listen:\n  credentials:\nhttp:\nstore:\njournal:\n  bytesMax:\nroutes:\n'],
  ['the committed telemetry.yaml', readFileSync(new URL('../telemetry.yaml', import.meta.url), 'utf8')],
])('loadConfig gives the defaults when the file is %s', (_, text) => {
  expect(load(text)).toEqual(defaults)
})

test('loadConfig gives fresh defaults when the last ones were changed', () => {
  load(null).routes.pop()
  const { store } = load(null)
  Object.assign(store, { type: 'x' })
  expect(load(null)).toEqual(defaults)
})

test('loadConfig gives everything when everything is said', () => {
  const text = `
data: /var/lib/dewpoint
broker:
  listen: [mqtt://0.0.0.0, "wss://[::1]:1884/m"]
  tls: { cert: a.crt, key: a.key, ca: ca.crt, clientCertificates: optional }
  origins: [https://page.example]
  connections: { wss: 10 }
  workers: 4
  commands: { topics: [c/+/do], expiry: 36h }
  accessLog: { connects: 1, publishes: 0.001 }
  credentials: { username: sensors, password: "\${MQTT_PASSWORD}" }
  status: s/{device}
http: { listen: "[::]:80", anonymous: true, ingestToken: "\${INGEST}" }
store:
  type: influxdb
  url: https://\${HOST}:8086/influx//
  org: o
  bucket: b
  token: \${TOKEN}
journal: { bytesMax: 128MiB }
sources:
  - { url: "mqtts://[::1]", username: u, password: "\${INGEST}", clientId: c, topics: [a/#, +/b], share: g }
  - { url: "mqtt://x:1884", topics: ["#"] }
routes:
  - topic: a/{device}/{value}/+
    measurement: m
`
  expect(load(text, { MQTT_PASSWORD: '1:2}', HOST: 'influx', TOKEN: 'abc==', INGEST: 'secret' })).toEqual({
    data: '/var/lib/dewpoint',
    broker: {
      listen: [
        { scheme: 'mqtt', host: '0.0.0.0', port: 1883, path: '' },
        { scheme: 'wss', host: '::1', port: 1884, path: '/m' },
      ],
      tls: { cert: 'a.crt', key: 'a.key', ca: 'ca.crt', clientCertificates: 'optional' },
      origins: ['https://page.example'],
      connections: { wss: 10 },
      workers: 4,
      commands: { topics: ['c/+/do'], expiryMs: 129_600_000 },
      accessLog: { connects: 1, publishes: 0.001 },
      anonymous: false,
      credentials: { username: 'sensors', password: '1:2}' },
      access: null,
      status: 's/{device}',
    },
    http: { host: '::', port: 80, anonymous: true, ingestToken: 'secret' },
    store: { type: 'influxdb', url: 'https://influx:8086/influx', org: 'o', bucket: 'b', token: 'abc==' },
    journal: { bytesMax: 134_217_728 },
    sources: [
      {
        url: 'mqtts://[::1]',
        name: 'c@[::1]:8883',
        username: 'u',
        password: 'secret',
        clientId: 'c',
        topics: ['a/#', '+/b'],
        share: 'g',
      },
      {
        url: 'mqtt://x:1884',
        name: 'dewpoint@x:1884',
        username: null,
        password: null,
        clientId: 'dewpoint',
        topics: ['#'],
        share: null,
      },
    ],
    routes: [createRoute({ topic: 'a/{device}/{value}/+', measurement: 'm' })],
    alerts: defaults.alerts,
  })
})

test('loadConfig takes true and false out of variables when only these can stand there', () => {
  const env = { YES: 'true', NO: 'false', SIZE: '268435456' }
  const config = load(
    'broker: { anonymous: "${YES}" }\nhttp: { anonymous: "${NO}" }\njournal: { bytesMax: "${SIZE}" }',
    env,
  )
  expect([config.broker.anonymous, config.http.anonymous, config.journal.bytesMax]).toEqual([true, false, 268_435_456])
  expect(problems('broker:\n  anonymous: "true"')).toEqual([
    '2 broker.anonymous: "true" given, true or false wanted, for example false',
  ])
})

test('loadConfig tells every problem in the order of the file when there are many', () => {
  const text = `
journal:
  bytesMax: 3MB
broker:
  lisen: []
  anonymous: yes
  status: "#"
store:
  type: influxdb
  url: influx:8086
  tokn: x
routes:
  - topic: sensors/{site}/{device}/a
    payload: jsn
  - measurement: _b
    topic: sensors/{x}/{device}/a
data: 7
broker: {}
htpp:
http:
  listen: 8080
`
  expect(problems(text)).toEqual([
    '3 journal.bytesMax: "3MB" given, a size of at least 128MiB wanted, for example "512MiB"',
    '5 broker.lisen: unknown key, did you mean "listen"?',
    '6 broker.anonymous: "yes" given, true or false wanted, for example false',
    '7 broker.status: "#" names no level {device}',
    '8 store.org: is missing, text wanted, for example "sensors"',
    '8 store.bucket: is missing, text wanted, for example "readings"',
    '8 store.token: is missing, a token without blanks and line ends wanted, for example "${INFLUX_TOKEN}"',
    '10 store.url: "influx:8086" given, a link like http://host:port without user name, query and /api/v2 wanted, for example "http://127.0.0.1:8086"',
    '11 store.tokn: unknown key, did you mean "token"?',
    '13 routes[0].measurement: is missing, a measurement name that does not begin with _ wanted, for example "rainfall"',
    '14 routes[0].payload: "jsn" given, one of value, text, csv, json, cbor, msgpack, senml-json, senml-cbor, cayenne-lpp, sparkplug-b, struct, packed, influx, or keys with values like { codec: json, value: temp } wanted, for example "value"',
    '15 routes[1].measurement: "_b" begins with _, such names belong to InfluxDB',
    '16 routes[1].topic: "sensors/{x}/{device}/a" matches the same topics as routes[0].topic in line 13, so it would see no message',
    '17 data: 7 given, a folder wanted, for example "./data" (in quotes it is text)',
    '18 broker: given twice, first in line 4',
    '19 htpp: unknown key, did you mean "http"?',
    '21 http.listen: 8080 given, host:port wanted, for example "127.0.0.1:8080" (in quotes it is text)',
  ])
})

test.each([
  ['hello', '1: a text given, keys with values wanted'],
  ['- data', '1: a list given, keys with values wanted'],
  ['x: 1', '1 x: unknown key, known are data, broker, http, store, journal, sources, routes, alerts, notifiers'],
  [
    '__proto__: 1',
    '1 __proto__: unknown key, known are data, broker, http, store, journal, sources, routes, alerts, notifiers',
  ],
  [
    'constructor: 1',
    '1 constructor: unknown key, known are data, broker, http, store, journal, sources, routes, alerts, notifiers',
  ],
  ['data: ""', '1 data: "" given, a folder wanted, for example "./data"'],
  ['http:\n  []', '1 http: a list given, keys with values wanted'],
  ['broker: {listen: []}', '1 broker.listen: an empty list given, a list of addresses wanted, for example ["mqtt'],
  ['broker:\n  listen: mqtt://localhost', '2 broker.listen: "mqtt://localhost" given, a list of addresses wanted'],
  [
    'broker:\n  listen:\n  - 1\n  -',
    '3 broker.listen[0]: 1 given, mqtt://host:port, or mqtts, ws or wss, wanted',
    '4 broker.listen[1]: nothing',
  ],
  ['http: {listen: "localhost"}', '1 http.listen: "localhost" given, host:port wanted, for example "127.0.0.1:8080"'],
  ['store: {type: influx}', '1 store.type: "influx" given, one of duckdb, influxdb wanted'],
  ['store:\n  type:', '2 store.type: is missing, one of duckdb, influxdb wanted'],
  ['store: {}', '1 store.type: is missing, one of duckdb, influxdb wanted'],
  ['store: {type: [duckdb]}', '1 store.type: a list given, one of duckdb, influxdb wanted'],
  [
    'store: {type: influx, tokn: x}',
    '1 store.tokn: unknown key, did you mean "token"?',
    '1 store.type: "influx" given',
  ],
  ['store: {type: duckdb, url: x}', '1 store.url: unknown key, known are type'],
  ['store: []', '1 store: a list given, keys with values wanted, for example {"type":"duckdb"}'],
  ['journal: {bytesMax: 134217727}', '1 journal.bytesMax: 134217727 is less than the minimum of 128MiB'],
  ['journal: {bytesMax: 96MiB}', '1 journal.bytesMax: "96MiB" is less than the minimum of 128MiB'],
  [
    'journal: {bytesMax: true}',
    '1 journal.bytesMax: true given, a size of at least 128MiB wanted, for example "512MiB"',
  ],
  ['routes: []', '1 routes: an empty list given, a list of routes wanted'],
  ['routes: [7]', '1 routes[0]: 7 given, a route wanted, for example {"topic":"sensors/{site}/{device}/rainfall"'],
  ['broker: {status: a/b}', '1 broker.status: "a/b" names no level {device}'],
  [
    'broker: {status: "sensors/{a}/{device}/pulse"}',
    '1 broker.status: the default route "sensors/{site}/{device}/pulse"',
  ],
  ['broker: {credentials: {username: u}}', '1 broker.credentials.password: is missing, text wanted'],
  [
    'broker: {credentials: {username: "", password: ""}}',
    '1 broker.credentials.username: "" given',
    '1 broker.credentials.password: a text given',
  ],
])('loadConfig tells the line, the key and what is wanted when %j is given', (text, ...starts) => {
  const found = problems(text)
  expect(found.map((it, i) => it.slice(0, starts[i]?.length))).toEqual(starts)
})

test('loadConfig says one thing of a store when the variable of its type is not set', () => {
  expect(problems('store:\n  type: ${UNSET}')).toEqual(['2 store.type: the environment variable UNSET is not set'])
})

const route = (topic: string, measurement: string) =>
  `routes:\n  - topic: ${JSON.stringify(topic)}\n    measurement: ${JSON.stringify(measurement)}`

test.each([
  ['', 'm', '2 routes[0].topic: "" is empty'],
  ['a/{device', 'm', '2 routes[0].topic: "a/{device" has the level "{device"'],
  ['{device}/{device}', 'm', '2 routes[0].topic: "{device}/{device}" names {device} twice'],
  ['a/{site}', 'm', '2 routes[0].topic: "a/{site}" names no level {device}'],
  ['{time}/{device}', 'm', '2 routes[0].topic: "{time}/{device}" names a level {time}'],
  ['$SYS/{device}', 'm', '2 routes[0].topic: "$SYS/{device}" begins with $'],
  ['a\u0000/{device}', 'm', '2 routes[0].topic: "a\\u0000/{device}" holds control characters'],
  [`${'ü'.repeat(600)}/{device}`, 'm', '2 routes[0].topic: "üüü'],
  ['{device}', '', '3 routes[0].measurement: "" given'],
  ['{device}', '_m', '3 routes[0].measurement: "_m" begins with _'],
  ['{device}', 'a\nb', '3 routes[0].measurement: "a\\nb" holds control characters'],
  ['{device}', 'device_state', '3 routes[0].measurement: "device_state" is where the platform writes'],
  [
    'sensors/{a}/{device}/status',
    'm',
    '2 routes[0].topic: "sensors/{a}/{device}/status" matches the same topics as broker.status',
  ],
])('loadConfig refuses a route when its topic is %j and its measurement %j', (topic, measurement, start) => {
  const found = problems(route(topic, measurement))
  expect(found.map((it) => it.slice(0, start.length))).toEqual([start])
})

const influxdb = (url: string) => `store: { type: influxdb, url: "${url}", org: o, bucket: b, token: t }`

test.each([
  ['ftp://x', '"ftp://x" given, a link like http'],
  ['http://', '"http://" given, a link like http'],
  ['http://u:geheim@x', '"http://...@x" holds a user name or password'],
  ['http://x/?org=o', '"http://x/?org=o" goes on after the path'],
  ['http://x/api/v2/write', '"http://x/api/v2/write" holds the path of the API'],
])('loadConfig refuses the link of InfluxDB when it is %s', (url, start) => {
  expect(problems(influxdb(url)).map((it) => it.slice(0, start.length + 13))).toEqual([`1 store.url: ${start}`])
})

test.each([
  ['http://x:8086/', 'http://x:8086'],
  ['https://x/a/b//', 'https://x/a/b'],
])('loadConfig leaves out slashes when the link of InfluxDB ends with them, as in %s', (url, normal) => {
  expect(load(influxdb(url)).store).toMatchObject({ url: normal })
})

const beyond =
  '1 broker.listen[0]: "mqtt://0.0.0.0" listens beyond loopback, where anyone could publish: give broker.access or broker.credentials, or say broker.anonymous: true'

test.each([
  ['[mqtt://0.0.0.0]', [beyond]],
  ['[mqtt://0.0.0.0], anonymous: false', [beyond]],
  ['[mqtt://0.0.0.0], credentials: ', [beyond]],
  ['[mqtt://0.0.0.0], anonymous: true', []],
  ['[mqtt://0.0.0.0], credentials: { username: u, password: p }', []],
  ['[mqtt://127.9.9.9, "mqtt://[::1]", mqtt://localhost]', []],
])(
  'the broker is kept on loopback when neither credentials nor anonymous: true stand beside listen: %s',
  (rest, found) => {
    expect(problems(`broker: { listen: ${rest} }`)).toEqual(found)
  },
)

test.each(['mqtts', 'ws', 'wss'])('the broker is kept on loopback when it is reached by %s', (scheme) => {
  const tls = 'tls: { cert: c, key: k }'
  expect(problems(`broker: { listen: ["${scheme}://0.0.0.0"], ${tls} }`)).toEqual([beyond.replace('mqtt', scheme)])
  expect(problems(`broker: { listen: ["${scheme}://0.0.0.0"], ${tls}, anonymous: true }`)).toEqual([])
})

test.each([
  ['listen: [mqtts://localhost]', '1 broker.listen[0]: "mqtts://localhost" needs a certificate: give broker.tls'],
  ['listen: [wss://localhost]', '1 broker.listen[0]: "wss://localhost" needs a certificate: give broker.tls'],
  [
    'tls: { cert: c, key: k, clientCertificates: required }',
    '1 broker.tls.clientCertificates: required given without broker.tls.ca, who signs them',
  ],
  ['tls: { cert: c }', '1 broker.tls.key: is missing, a PEM file wanted, for example "/etc/dewpoint/server.key"'],
  [
    'origins: [https://h/]',
    '1 broker.origins[0]: "https://h/" given, an origin like https://host without a path wanted, for example "https://console.example"',
  ],
  [
    'commands: { expiry: 100ms }',
    '1 broker.commands.expiry: "100ms" given, a duration of at least 1s like 24h wanted, for example "24h"',
  ],
  ['workers: -1', '1 broker.workers: -1 given, a whole number from 0 to 64 wanted, for example 4'],
  ['workers: two', '1 broker.workers: "two" given, a whole number from 0 to 64 wanted, for example 4'],
  [
    'accessLog: { connects: 1.5 }',
    '1 broker.accessLog.connects: 1.5 given, a number from 0 (none) to 1 (all) wanted, for example 0.001',
  ],
  [
    'accessLog: { publishes: all }',
    '1 broker.accessLog.publishes: "all" given, a number from 0 (none) to 1 (all) wanted, for example 0.001',
  ],
  ['connections: { ws: 0 }', '1 broker.connections.ws: 0 given, a whole number from 1 on wanted, for example 1000'],
])('loadConfig refuses listeners that cannot be meant when the broker has %s', (keys, problem) => {
  expect(problems(`broker: { ${keys} }`)).toEqual([problem])
})

test.each([
  ['{ username: u }', 'broker.credentials.password'],
  ['u', 'broker.credentials'],
])('the broker is not judged twice when its credentials have a problem already, as %s', (credentials, path) => {
  const found = problems(`broker: { listen: [mqtt://0.0.0.0], credentials: ${credentials} }`)
  expect(found.map((it) => it.split(':')[0])).toEqual([`1 ${path}`])
})

test('the page is kept on loopback when anonymous: true is not said', () => {
  const rest =
    'where anyone could see it, the page has no sign-in yet: listen on 127.0.0.1, or say http.anonymous: true'
  expect(problems('http:\n  listen: 0.0.0.0:80')).toEqual([
    `2 http.listen: "0.0.0.0:80" listens beyond loopback, ${rest}`,
  ])
  expect(problems('http: { listen: "0.0.0.0:80", anonymous: true }')).toEqual([])
})

test('loadConfig refuses an address when another listener has it already', () => {
  const text =
    'broker:\n  listen: [mqtt://localhost, mqtt://LOCALHOST:1883, mqtt://localhost:0, mqtt://localhost:0]\nhttp:\n  listen: localhost:1883'
  expect(problems(text)).toEqual([
    '2 broker.listen[1]: "mqtt://LOCALHOST:1883" is the address of broker.listen[0] already',
    '4 http.listen: "localhost:1883" is the address of broker.listen[0] already',
  ])
})

test('loadConfig says where a value came from and not what it is when a variable holds it', () => {
  const text = `
data: \${EMPTY}
broker:
  listen: [ "\${S}", "mqtt://\${HOST}" ]
  anonymous: \${S}
  status: \${S}/#
http:
  listen: \${S}
store:
  type: influxdb
  url: \${S}
  org: \${UNSET}
  bucket: b
  token: \${TOKEN}
journal:
  bytesMax: \${S}
routes:
  - topic: a/{device}/\${S}
    measurement: _\${S}
    payload: \${S}
  - topic: b/{device}/\${S}
    measurement: m
  - topic: b/{device}/\${S}
    measurement: m
  - \${S}
`
  const env = { S: 'geheim 17#', HOST: '10.9.8.7', TOKEN: 'geheim\n', EMPTY: '' }
  const found = problems(text, env)
  expect(found.filter((it) => /geheim|10\.9/.test(it))).toEqual([])
  expect(found.map((it) => it.replace(/(given|variable).*/, '$1'))).toEqual([
    '2 data: the environment variable',
    '4 broker.listen[0]: (from ${S}) given',
    '5 broker.anonymous: (from ${S}) given',
    '6 broker.status: (from ${S}) given',
    '8 http.listen: (from ${S}) given',
    '11 store.url: (from ${S}) given',
    '12 store.org: the environment variable',
    '14 store.token: (from ${TOKEN}) given',
    '16 journal.bytesMax: (from ${S}) given',
    '18 routes[0].topic: (from ${S}) given',
    '19 routes[0].measurement: (from ${S}) given',
    '20 routes[0].payload: (from ${S}) given',
    '21 routes[1].topic: (from ${S}) given',
    '23 routes[2].topic: (from ${S}) given',
    '25 routes[3]: (from ${S}) given',
  ])
  const related =
    'broker:\n  listen: ["${A}", "${A}"]\nhttp:\n  listen: ${H}\n' +
    route('{device}/x', 'm') +
    '\n  - {topic: "${T}", measurement: m}'
  const relations = problems(related, { A: 'mqtt://10.9.8.7', H: '10.9.8.7:80', T: '{device}/x' })
  expect(relations.filter((it) => /10\.9|\{device\}/.test(it))).toEqual([])
  expect(relations.map((it) => it.slice(0, 33))).toEqual([
    '2 broker.listen[0]: (from ${A}) l',
    '2 broker.listen[1]: (from ${A}) l',
    '2 broker.listen[1]: (from ${A}) i',
    '4 http.listen: (from ${H}) listen',
    '8 routes[1].topic: (from ${T}) ma',
  ])
  expect(problems('store: { type: "${S}" }', env)).toEqual([
    '1 store.type: (from ${S}) given, one of duckdb, influxdb wanted',
  ])
})

test.each([
  'broker: { credentials: { username: u, password: 31337 } }',
  'broker: { credentials: { username: u, password: [31337] } }',
  'broker: { credentials: "31337" }',
  'broker: { credentials: { username: u, passwort: "31337", password: p } }',
  'broker: { credentials: { username: u, password: p, password: "31337" } }',
  'broker: { credentials: { username: u, password: p, password:31337 } }',
  'broker: "31337"',
  'store: { type: influxdb, url: "http://u:31337@x", org: o, bucket: b, token: "31337 " }',
  'store: { type: influxdb, url: http://x, org: o, bucket: b, token: 31337 }',
  'store: "31337"',
  'broker: { listen: ["mqtt://u:31337@localhost"] }',
  'broker: { credentials: { username: u, password: *31337 } }',
])('loadConfig repeats no secret when %s has a problem', (text) => {
  const found = problems(text)
  expect(found).not.toEqual([])
  expect(found.join('\n')).not.toContain('31337')
})

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})
function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  folders.push(folder)
  return folder
}

test('readConfigFile gives the defaults when no file is named and none is there', () => {
  expect(readConfigFile(undefined, {}, createFolder())).toEqual(defaults)
})

test('readConfigFile takes telemetry.yaml when no file is named and it is there', () => {
  const folder = createFolder()
  writeFileSync(join(folder, 'telemetry.yaml'), '\ufeffdata: ${WHERE}\r\nbroker:\r\n  anonymous: true\r\n')
  expect(readConfigFile(undefined, { WHERE: 'there' }, folder)).toMatchObject({
    data: 'there',
    broker: { anonymous: true },
  })
  writeFileSync(join(folder, 'telemetry.yaml'), 'data: 1')
  expect(() => readConfigFile(undefined, {}, folder)).toThrow(/^telemetry\.yaml:1 data: 1 given/)
})

test('readConfigFile refuses a named file when it is not there or is none', () => {
  const folder = createFolder()
  const path = join(folder, 'other.yaml')
  expect(() => readConfigFile(path, {}, folder)).toThrow(new StartError(`${path}: there is no such configuration file`))
  mkdirSync(path)
  expect(() => readConfigFile(path, {}, folder)).toThrow(
    new StartError(`${path}: the configuration file cannot be read (EISDIR)`),
  )
})

test('readConfigFile names the file as the operator did when something in it does not hold', () => {
  const path = join(createFolder(), 'other.yaml')
  writeFileSync(path, 'dta: x')
  expect(() => readConfigFile(path, {})).toThrow(`${path}:1 dta: unknown key, did you mean "data"?`)
})
