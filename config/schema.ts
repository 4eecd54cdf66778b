/**
 * What may stand in telemetry.yaml, for two readers: telemetry/settings/check.ts, and editors by way of json-schema.ts. A
 * `title` says in a few words what is wanted, `default` makes a key optional, `writeOnly` marks a secret.
 */
import Type, { type Static } from 'typebox'
import { durationText } from '../telemetry/duration.ts'
import { limits } from '../telemetry/limits.ts'
import { defaultChannels, deviceTag, readingTopic, statusTopic } from '../telemetry/schema.ts'
import { strict, text } from '../telemetry/settings/text.ts'
import { accessSchema } from './access-schema.ts'
import { alertsSchema } from './alert-schema.ts'
import { notifiersSchema } from './notifier-schema.ts'
import { routeSchema } from './route-schema.ts'
import * as rules from './rules.ts'
import { journalBytesMin, sizeText } from './size.ts'

const duckdb = Type.Object({ type: Type.Literal('duckdb', { description: 'Embedded, in the data folder.' }) }, strict)

const influxdb = Type.Object(
  {
    type: Type.Literal('influxdb', { description: 'An InfluxDB 2 server.' }),
    url: text(rules.linkRule, {
      title: 'a link like http://host:port without user name, query and /api/v2',
      description: 'Root of InfluxDB, without /api/v2.',
      examples: ['http://127.0.0.1:8086'],
    }),
    org: text(rules.anyTextRule, {
      minLength: 1,
      title: 'text',
      description: 'Organization in InfluxDB.',
      examples: ['sensors'],
    }),
    bucket: text(rules.anyTextRule, {
      minLength: 1,
      title: 'text',
      description: 'Bucket that points are written to.',
      examples: ['readings'],
    }),
    token: text(rules.tokenRule, {
      title: 'a token without blanks and line ends',
      description: 'API token that may write to the bucket.',
      examples: [`\${INFLUX_TOKEN}`],
      writeOnly: true,
    }),
  },
  strict,
)

const credentials = Type.Object(
  {
    username: text(rules.anyTextRule, {
      minLength: 1,
      title: 'text',
      description: 'User name of the shared account.',
      examples: ['sensors'],
    }),
    password: text(rules.anyTextRule, {
      minLength: 1,
      title: 'text',
      description: 'Password of the shared account.',
      examples: [`\${MQTT_PASSWORD}`],
      writeOnly: true,
    }),
  },
  {
    ...strict,
    title: 'username and password',
    description: 'One account that all devices share.',
    examples: [{ username: 'sensors', password: `\${MQTT_PASSWORD}` }],
  },
)

const pemFile = (description: string, example: string) =>
  text(rules.anyTextRule, { minLength: 1, title: 'a PEM file', description, examples: [example] })

const tls = Type.Object(
  {
    cert: pemFile('Certificate, and those that vouch for it behind it.', '/etc/dewpoint/server.crt'),
    key: pemFile('Its private key, without a passphrase.', '/etc/dewpoint/server.key'),
    ca: Type.Optional(pemFile('Certificates of who signs those of clients.', '/etc/dewpoint/devices-ca.crt')),
    clientCertificates: Type.Enum(['none', 'optional', 'required'], {
      description: 'Whether clients show a certificate; with optional, one that is shown must be good.',
      default: 'none',
    }),
  },
  {
    ...strict,
    title: 'cert and key',
    description: 'Files of mqtts:// and wss://, read again when they change. TLS 1.2 and later are spoken.',
    examples: [{ cert: '/etc/dewpoint/server.crt', key: '/etc/dewpoint/server.key' }],
  },
)

const commands = Type.Object(
  {
    topics: Type.Array(text(rules.topicFilterRule, { title: 'an MQTT topic filter', examples: ['commands/#'] }), {
      title: 'a list of MQTT topic filters',
      description: 'Topics of commands.',
      default: ['commands/#'],
    }),
    expiry: text(rules.durationRule, {
      title: 'a duration of at least 1s like 24h',
      description: 'How long a command waits for a device that sleeps; then it is dropped, and counted.',
      default: durationText(limits.commandExpiryMs),
      examples: ['24h'],
    }),
  },
  { ...strict, title: 'keys with values', description: 'Messages that wait for a device in its session.' },
)

const fraction = (of: string) =>
  Type.Number({
    title: 'a number from 0 (none) to 1 (all)',
    description: `Of which fraction of the clients ${of} are logged.`,
    default: 0,
    minimum: 0,
    maximum: 1,
    examples: [0.001],
  })

const accessLog = Type.Object(
  { connects: fraction('connects, subscriptions and disconnects'), publishes: fraction('messages, and the rest,') },
  { ...strict, title: 'keys with numbers', description: 'Lines of the log about clients; always about the same ones.' },
)

const connectionLimit = (scheme: string) =>
  Type.Optional(
    Type.Integer({
      title: 'a whole number from 1 on',
      description: `Of each ${scheme}:// listener.`,
      minimum: 1,
      examples: [1000],
    }),
  )

const connections = Type.Object(
  {
    mqtt: connectionLimit('mqtt'),
    mqtts: connectionLimit('mqtts'),
    ws: connectionLimit('ws'),
    wss: connectionLimit('wss'),
  },
  {
    ...strict,
    title: 'keys with whole numbers',
    description: `Connections of each listener; all together are at most ${limits.connectionsMax}, and in each process (broker.workers) as many as it may open files.`,
    examples: [{ ws: 100 }],
  },
)

const broker = Type.Object(
  {
    listen: Type.Array(
      text(rules.listenAddressRule, {
        title: 'mqtt://host:port, or mqtts, ws or wss,',
        examples: ['mqtt://127.0.0.1:1883'],
      }),
      {
        title: 'a list of addresses',
        description:
          'Where devices connect. Without a port it is 1883, with TLS 8883, for WebSockets 8083 and with TLS 8084; port 0 is any free one.',
        default: ['mqtt://127.0.0.1:1883'],
        examples: [['mqtt://127.0.0.1:1883', 'mqtts://0.0.0.0:8883', 'ws://127.0.0.1:8083/mqtt']],
        minItems: 1,
      },
    ),
    tls: Type.Optional(tls),
    origins: Type.Array(
      text(rules.originRule, {
        title: 'an origin like https://host without a path',
        examples: ['https://console.example'],
      }),
      {
        title: 'a list of origins',
        description: 'Pages of other hosts that may open a WebSocket.',
        default: [],
        examples: [['https://console.example']],
      },
    ),
    connections: Type.Optional(connections),
    workers: Type.Integer({
      title: `a whole number from 0 to ${limits.workersMax}`,
      description: `Processes that hold the connections, each with its own part of the journal and as many connections as it may open files; 0: all is one process.`,
      minimum: 0,
      maximum: limits.workersMax,
      default: 0,
      examples: [4],
    }),
    commands,
    accessLog,
    anonymous: Type.Boolean({
      title: 'true or false',
      description: 'Whether devices may connect without credentials. Beyond loopback this, credentials or access.',
      default: false,
    }),
    credentials: Type.Optional(credentials),
    access: Type.Optional(accessSchema),
    status: text(rules.topicRule, {
      title: `a topic pattern that names {${deviceTag}}`,
      description: 'Topics of births and wills.',
      default: statusTopic,
    }),
  },
  { ...strict, title: 'keys with values', description: 'MQTT in.' },
)

const http = Type.Object(
  {
    listen: text(rules.httpAddressRule, {
      title: 'host:port',
      description: 'Where pages and API are served. Port 0 is any free one.',
      default: '127.0.0.1:8080',
    }),
    anonymous: Type.Boolean({
      title: 'true or false',
      description: 'The page has no sign-in yet: beyond loopback this says that everyone may see it.',
      default: false,
    }),
    ingestToken: Type.Optional(
      text(rules.tokenRule, {
        title: 'a token without blanks and line ends',
        description:
          'Bearer token of POST /api/ingest, which is refused without one when http listens beyond loopback.',
        examples: [`\${INGEST_TOKEN}`],
        writeOnly: true,
      }),
    ),
  },
  { ...strict, title: 'keys with values', description: 'Pages and API.' },
)

const journal = Type.Object(
  {
    bytesMax: Type.Refine(
      Type.Union([Type.Integer(), Type.String()], {
        title: `a size of at least ${sizeText(journalBytesMin)}`,
        description: 'Room on disk. When it is full, nothing is accepted.',
        default: sizeText(limits.journalBytesMax),
        examples: ['512MiB', '2GiB', 2_147_483_648],
      }),
      (value) => rules.sizeRule(value) === null,
      (value) => rules.sizeRule(value) ?? '',
    ),
  },
  { ...strict, title: 'keys with values', description: 'What was acknowledged and is not stored yet.' },
)

const source = Type.Object(
  {
    url: text(rules.sourceAddressRule, {
      title: 'mqtt://host:port, or mqtts:// for TLS, without user name',
      description: 'The broker. Without a port it is 1883, with TLS 8883.',
      examples: ['mqtt://broker.example:1883'],
    }),
    username: Type.Optional(
      text(rules.anyTextRule, { minLength: 1, title: 'text', description: 'User name.', examples: ['dewpoint'] }),
    ),
    password: Type.Optional(
      text(rules.anyTextRule, {
        minLength: 1,
        title: 'text',
        description: 'Password.',
        examples: [`\${SOURCE_PASSWORD}`],
        writeOnly: true,
      }),
    ),
    clientId: text(rules.clientIdRule, {
      title: 'a client identifier',
      description:
        'By it the broker keeps what comes while Dewpoint is away; every Dewpoint at a broker needs its own.',
      default: 'dewpoint',
      minLength: 1,
    }),
    topics: Type.Array(text(rules.topicFilterRule, { title: 'an MQTT topic filter', examples: ['sensors/#'] }), {
      title: 'a list of MQTT topic filters',
      description: 'What is subscribed to; routes decide what becomes of it.',
      examples: [['sensors/#']],
      minItems: 1,
    }),
    share: Type.Optional(
      text(rules.shareRule, {
        title: 'a name without /, + and #',
        description: 'Group of a shared subscription: each message goes to one of the group.',
        examples: ['dewpoint'],
        minLength: 1,
      }),
    ),
  },
  { ...strict, title: 'a source', examples: [{ url: 'mqtt://broker.example', topics: ['sensors/#'] }] },
)

export const configSchema = Type.Object(
  {
    data: text(rules.anyTextRule, {
      minLength: 1,
      title: 'a folder',
      description: 'Folder of journal and embedded store, relative to the working directory.',
      default: './data',
    }),
    broker,
    http,
    store: Type.Union([duckdb, influxdb], {
      title: 'keys with values',
      description: 'Where points end.',
      default: { type: 'duckdb' },
    }),
    journal,
    sources: Type.Array(source, {
      title: 'a list of sources',
      description: 'Brokers of others that Dewpoint subscribes to.',
      default: [],
    }),
    routes: Type.Array(routeSchema, {
      title: 'a list of routes',
      description: 'Which topics become which measurement. The most specific route that matches takes the message.',
      default: Object.entries(defaultChannels).map(([channel, { unit }]) => ({
        topic: readingTopic(channel),
        measurement: channel,
        unit,
      })),
      minItems: 1,
    }),
    alerts: alertsSchema,
    notifiers: notifiersSchema,
  },
  { ...strict, title: 'keys with values', description: 'Configuration of Dewpoint.' },
)

/** The file with every default filled in. */
export type ConfigFile = Static<typeof configSchema>
