/**
 * What may stand in telemetry.yaml, for two readers: check.ts, and editors by way of json-schema.ts. A
 * `title` says in a few words what is wanted, `default` makes a key optional, `writeOnly` marks a secret.
 */
import Type, { type Static, type TSchema, type TStringOptions } from 'typebox'
import { limits } from '../telemetry/limits.ts'
import { defaultChannels, deviceTag, readingTopic, statusTopic } from '../telemetry/schema.ts'
import * as rules from './rules.ts'
import { journalBytesMin, sizeText } from './size.ts'

const strict = { additionalProperties: false }

/** A text that keeps to a rule; the rule's own words become the message of TypeBox's error. */
const text = (rule: rules.Rule, options: TStringOptions) =>
  Type.Refine(
    Type.String(options),
    (value) => rule(value) === null,
    (value) => rule(value) ?? '',
  )

const route = Type.Object(
  {
    topic: text(rules.topicRule, {
      title: `a topic pattern that names {${deviceTag}}`,
      description: 'Topics of the route. A level {name} becomes a tag, + matches any level. {device} must be named.',
      examples: [readingTopic('rainfall')],
    }),
    measurement: text(rules.measurementRule, {
      title: 'a measurement name that does not begin with _',
      description: 'Measurement that the readings go to.',
      examples: ['rainfall'],
      minLength: 1,
    }),
    unit: Type.String({
      title: 'a unit as text',
      description: 'Unit of the readings, as pages show it.',
      default: '',
      examples: ['mm'],
    }),
    payload: Type.Enum(['value'], { description: 'Codec of the payload. value: a number as text.', default: 'value' }),
  },
  { ...strict, title: 'a route', examples: [{ topic: readingTopic('rainfall'), measurement: 'rainfall', unit: 'mm' }] },
)

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

const broker = Type.Object(
  {
    listen: Type.Array(
      text(rules.mqttAddressRule, {
        title: 'mqtt://host:port',
        examples: ['mqtt://127.0.0.1:1883'],
      }),
      {
        title: 'a list of addresses',
        description: 'Where devices connect. Without a port it is 1883, port 0 is any free one.',
        default: ['mqtt://127.0.0.1:1883'],
        examples: [['mqtt://127.0.0.1:1883', 'mqtt://[::1]:1883']],
        minItems: 1,
      },
    ),
    anonymous: Type.Boolean({
      title: 'true or false',
      description: 'Whether devices may connect without credentials. Beyond loopback either this or credentials.',
      default: false,
    }),
    credentials: Type.Optional(credentials),
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
    routes: Type.Array(route, {
      title: 'a list of routes',
      description: 'Which topics become which measurement. The first route that matches takes the message.',
      default: Object.entries(defaultChannels).map(([channel, { unit }]) => ({
        topic: readingTopic(channel),
        measurement: channel,
        unit,
        payload: 'value',
      })),
      minItems: 1,
    }),
  },
  { ...strict, title: 'keys with values', description: 'Configuration of Dewpoint.' },
)

/** The file with every default filled in. */
export type ConfigFile = Static<typeof configSchema>

/** Whether a key can be left out: it has a default, or everything in it can be left out. */
export function isOmittable(schema: TSchema): boolean {
  if ('default' in schema || Type.IsOptional(schema)) return true
  return Type.IsObject(schema) && Object.values(schema.properties).every((property) => isOmittable(property))
}
