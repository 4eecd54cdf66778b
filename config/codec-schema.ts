/** What a route may say about its payload: a codec by name, or with options. */
import Type from 'typebox'
import { codecNames, columnRoles, structTypes, treeDefaults } from '../telemetry/route.ts'
import { strict, text } from '../telemetry/settings/text.ts'
import * as rules from './route-rules.ts'

const plain = <Name extends string>(codec: Name, description: string) =>
  Type.Object({ codec: Type.Literal(codec, { description }) }, strict)

const path = (options: { description?: string; default?: string }) =>
  text(rules.pathRule, { title: 'a path like a.b, a[0] or $.a', examples: ['data.temp'], ...options })
const pathOf = (description: string, preset: string) => path({ description, default: preset })

/** json, cbor and msgpack hold the same trees. */
const tree = <Name extends 'json' | 'cbor' | 'msgpack'>(codec: Name, description: string) =>
  Type.Object(
    {
      codec: Type.Literal(codec, { description }),
      each: pathOf('Path of the array whose elements are reports of their own. Left out: the root.', treeDefaults.each),
      value: Type.Optional(
        path({ description: 'Path of the value, from the element; it needs no name as a channel.' }),
      ),
      values: Type.Optional(
        Type.Array(path({}), {
          title: 'a list of paths',
          description:
            'Paths of several values; each is a channel of that name. Left out: those that fields name, or v.',
          examples: [['temp', 'hum']],
          minItems: 1,
        }),
      ),
      time: pathOf('Path of the time, from the element, else from the root.', treeDefaults.time),
      timeBase: Type.Enum(['unix', 'now', 'boot'], {
        description:
          'What the time counts from: 1970, the moment of sending (0 or negative seconds), or the start of the device (seconds).',
        default: treeDefaults.timeBase,
      }),
      step: Type.Refine(
        Type.Union([Type.Number(), Type.String()], {
          title: 'seconds, or a path',
          description: 'Distance between the values of an array.',
          default: treeDefaults.step,
          examples: [60],
        }),
        (value) => rules.stepRule(value) === null,
        () => '',
      ),
      deltas: Type.Boolean({
        title: 'true or false',
        description: 'Whether each value of an array but the first is the difference to the one before.',
        default: treeDefaults.deltas,
      }),
      sequence: pathOf("Path of the device's own count of reports.", treeDefaults.sequence),
      boot: pathOf('Path of the count of starts of the device.', treeDefaults.boot),
      sent: pathOf("Path of the device's clock when it sent.", treeDefaults.sent),
      next: pathOf('Path of the seconds until the next report.', treeDefaults.next),
    },
    strict,
  )

const csv = Type.Object(
  {
    codec: Type.Literal('csv', { description: 'Lines of columns.' }),
    columns: Type.Array(text(rules.columnRule, { title: 'a channel, or a role', examples: ['temp'] }), {
      title: 'a list of columns',
      description: `For each column the channel, or one of ${columnRoles.join(', ')}; - is left out.`,
      examples: [['time', 'temp', '-']],
      minItems: 1,
    }),
    separator: text(rules.separatorRule, {
      title: 'one character that is no part of a value',
      description: 'What stands between columns.',
      default: ',',
      examples: [';'],
    }),
    header: Type.Integer({
      title: 'a whole number of lines',
      description: 'Lines at the top that hold no readings.',
      default: 0,
      minimum: 0,
      examples: [1],
    }),
  },
  strict,
)

const member = text(rules.structMemberRule, {
  title: `name:type with type one of ${structTypes.join(', ')}, and be behind it for big-endian, /bits for a part`,
  examples: ['battery:u16be'],
})

const struct = Type.Object(
  {
    codec: Type.Literal('struct', { description: 'A packed layout of binary numbers.' }),
    layout: Type.Array(member, {
      title: 'a list of members',
      description: `name:type in order; little-endian unless be stands behind the type. Names: channels, or ${columnRoles.join(', ')}.`,
      default: [],
      examples: [['time:u32', 'battery:u16be', 'flags:u8/3']],
    }),
    repeat: Type.Array(member, {
      title: 'a list of members',
      description: 'Members that come again until the payload ends.',
      default: [],
      examples: [['temp:i16']],
    }),
    step: Type.Number({
      title: 'seconds',
      description: 'Seconds between repeats, counted from the time in layout.',
      default: 0,
      examples: [60],
    }),
  },
  strict,
)

/** These say nothing without their columns or members. */
const shortNames = codecNames.filter((name) => name !== 'csv' && name !== 'struct')

export const payloadSchema = Type.Union(
  [
    Type.Enum(shortNames),
    plain('value', 'A number as text, or JSON with v, t and seq.'),
    plain('text', 'The payload is a text.'),
    csv,
    tree('json', 'JSON, by paths.'),
    tree('cbor', 'CBOR, by paths.'),
    tree('msgpack', 'MessagePack, by paths.'),
    plain('senml-json', 'SenML as JSON (RFC 8428).'),
    plain('senml-cbor', 'SenML as CBOR (RFC 8428).'),
    plain('cayenne-lpp', 'Cayenne Low Power Payload.'),
    plain('sparkplug-b', 'Eclipse Sparkplug B.'),
    struct,
    plain('packed', 'Delta batches of Dewpoint.'),
    plain('influx', 'InfluxDB line protocol, which names its own series.'),
  ],
  {
    title: `one of ${codecNames.join(', ')}, or keys with values like { codec: json, value: temp }`,
    description: 'Codec of the payload, by name or with options.',
    default: 'value',
  },
)
