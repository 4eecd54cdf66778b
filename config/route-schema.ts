/** What may stand in a route. See schema.ts. */
import Type, { type Static } from 'typebox'
import { durationText } from '../telemetry/duration.ts'
import { quarantineCodes } from '../telemetry/errors.ts'
import { fieldRuleDefaults, routeDefaults } from '../telemetry/route.ts'
import { deviceTag, readingTopic } from '../telemetry/schema.ts'
import { factor, strict, text } from '../telemetry/settings/text.ts'
import { payloadSchema } from './codec-schema.ts'
import * as routeRules from './route-rules.ts'
import * as rules from './rules.ts'

const measurementOptions = {
  title: 'a measurement name that does not begin with _',
  examples: ['rainfall'],
  minLength: 1,
}
const number = (options: object) => Type.Number({ title: 'a number', ...options })
const unit = (options: { description: string; default?: string }) =>
  Type.String({ title: 'a unit as text', examples: ['mm'], ...options })

const counter = Type.Object(
  {
    bits: Type.Integer({
      title: 'a whole number from 1 to 53',
      description: 'Width of the counter: it wraps at 2^bits.',
      examples: [16],
      minimum: 1,
      maximum: 53,
    }),
    per: Type.Number({
      title: 'a number above 0',
      description: "What one count is worth, in the field's unit.",
      default: 1,
      exclusiveMinimum: 0,
      examples: [0.2],
    }),
    maxPerHour: Type.Number({
      title: 'a number above 0',
      description: 'More than this per hour, in the unit of the field, is no measurement.',
      exclusiveMinimum: 0,
      examples: [400],
    }),
  },
  {
    ...strict,
    title: 'keys with values',
    description: 'The device sends a counter: the field is what was added since the last report.',
    examples: [{ bits: 16, per: 0.2, maxPerHour: 400 }],
  },
)

const fieldRule = Type.Object(
  {
    channel: Type.String({
      title: 'a channel as text',
      description: 'What the payload calls the quantity. Left out: the one without a name.',
      default: fieldRuleDefaults.channel,
      examples: ['temp'],
    }),
    field: Type.Optional(
      text(routeRules.fieldNameRule, {
        title: 'a field name that does not begin with _',
        description:
          'Left out: value where the channel has no name or names the measurement, else the name of the channel.',
        examples: ['temperature'],
        minLength: 1,
      }),
    ),
    measurement: Type.Optional(
      text(routeRules.measurementRule, { ...measurementOptions, description: 'Instead of that of the route.' }),
    ),
    type: Type.Optional(
      Type.Enum(['float', 'integer', 'boolean', 'string'], {
        description: 'Left out: string with the codec text, else float.',
      }),
    ),
    unit: Type.Optional(unit({ description: 'Left out: that of the payload, else of the route.' })),
    scale: factor({
      description: 'value = payload * scale + offset.',
      default: fieldRuleDefaults.scale,
      examples: [0.2],
    }),
    offset: number({ description: 'value = payload * scale + offset.', default: fieldRuleDefaults.offset }),
    range: Type.Optional(
      Type.Tuple([Type.Number(), Type.Number()], {
        title: 'the lowest and the highest valid value as [lowest, highest]',
        description: 'Values outside it go to the quarantine.',
        examples: [[0, 100]],
      }),
    ),
    counter: Type.Optional(counter),
  },
  { ...strict, title: 'a rule for a field', examples: [{ channel: 'temp', unit: 'Cel', range: [-40, 60] }] },
)

const calibration = Type.Object(
  {
    device: text(rules.anyTextRule, {
      minLength: 1,
      title: 'a device',
      description: 'The device.',
      examples: ['gauge-7'],
    }),
    site: Type.Optional(
      text(rules.anyTextRule, {
        minLength: 1,
        title: 'a site',
        description: 'Left out: any site.',
        examples: ['home'],
      }),
    ),
    channel: Type.Optional(
      Type.String({ title: 'a channel as text', description: 'As in fields. Left out: every channel of the route.' }),
    ),
    from: text(routeRules.dateRule, {
      title: 'a date, UTC unless it has a zone',
      description: 'Readings of this time and later, until the next calibration of the same device and channel.',
      examples: ['2026-05-01', '2026-05-01T12:00:00Z'],
    }),
    scale: factor({ description: 'value * scale + offset.', default: 1, examples: [1.02] }),
    offset: number({ description: 'value * scale + offset.', default: 0, examples: [-0.3] }),
  },
  { ...strict, title: 'a calibration', examples: [{ device: 'gauge-7', from: '2026-05-01', scale: 1.02 }] },
)

const example = Type.Object(
  {
    topic: text(rules.topicNameRule, {
      title: 'a topic without wildcards',
      description: 'Topic of the message.',
      examples: ['sensors/home/gauge-7/rainfall'],
    }),
    payload: Type.Optional(Type.String({ title: 'text', description: 'Payload as text.', examples: ['1.2'] })),
    hex: Type.Optional(
      text(routeRules.hexRule, { title: 'bytes in hex', description: 'Payload in hex.', examples: ['01 67 00 f4'] }),
    ),
    base64: Type.Optional(
      text(routeRules.base64Rule, {
        title: 'bytes in base64',
        description: 'Payload in base64.',
        examples: ['AWcA9A=='],
      }),
    ),
    expect: Type.Union(
      [
        Type.Enum(Object.keys(quarantineCodes) as Array<keyof typeof quarantineCodes>),
        Type.Array(
          text(routeRules.pointLineRule, {
            title: 'a point as line protocol',
            examples: ['rainfall,device=b value=1.2'],
          }),
        ),
      ],
      {
        title: 'a list of points as line protocol, or a code of the quarantine',
        description: 'The points as line protocol, times in milliseconds or left out; or the code of the quarantine.',
        examples: [['rainfall,device=gauge-7,site=home value=1.2 1700000000000'], 'bad_value'],
      },
    ),
  },
  {
    ...strict,
    title: 'an example',
    examples: [
      {
        topic: 'sensors/home/gauge-7/rainfall',
        payload: '1.2',
        expect: ['rainfall,device=gauge-7,site=home value=1.2'],
      },
    ],
  },
)

export const routeSchema = Type.Object(
  {
    topic: text(rules.topicRule, {
      title: `a topic pattern that names {${deviceTag}}`,
      description:
        'Topics of the route. A level is a text, (a|b) for one of several, {name} or {name:a|b} for a tag, + for any, or at the end # for any number. {device} must be named. The most specific route takes a message.',
      examples: [readingTopic('rainfall')],
    }),
    measurement: text(routeRules.measurementRule, {
      ...measurementOptions,
      description:
        'Measurement that the readings go to. {name} stands for a level of the topic, {channel} for what the payload calls the quantity.',
    }),
    unit: unit({ description: 'Unit of the readings, as pages show it.', default: routeDefaults.unit }),
    payload: payloadSchema,
    compression: Type.Enum(['none', 'gzip', 'zlib'], {
      description: 'How payloads are compressed.',
      default: routeDefaults.compression,
    }),
    tags: Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
      text(routeRules.tagValueRule, { title: 'text without backslashes and line ends', examples: ['maize'] }),
      {
        ...strict,
        title: 'tag names of small letters, digits and _, with values',
        description: 'Tags with a fixed value, beside the levels of the topic.',
        default: {},
        examples: [{ crop: 'maize' }],
      },
    ),
    fields: Type.Array(fieldRule, {
      title: 'a list of rules',
      description: 'What the channels of the payload become. A channel without a rule is taken as it is.',
      default: [],
    }),
    sequence: Type.Enum(['topic', 'device'], {
      description: 'What one count of sequence numbers spans: a topic, or all topics of a device.',
      default: routeDefaults.sequencePer,
    }),
    time: Type.Object(
      {
        ahead: text(routeRules.durationRule, {
          title: 'a duration',
          description: 'A device clock that is ahead by more is wrong.',
          default: durationText(routeDefaults.aheadMsMax),
          examples: ['10min', '1h'],
        }),
        behind: Type.Optional(
          text(routeRules.durationRule, {
            title: 'a duration',
            description: 'Readings that are older are flagged. Left out: any age is believed.',
            examples: ['30d'],
          }),
        ),
      },
      { ...strict, title: 'keys with values', description: 'Which device times are believed.' },
    ),
    every: Type.Optional(
      text(rules.durationRule, {
        title: 'a duration of at least 1s like 10min',
        description:
          'Devices of this route report so often, so that one that is silent for longer is late, and then lost. Left out: the device says so, or it is learned.',
        examples: ['10min'],
      }),
    ),
    calibration: Type.Array(calibration, {
      title: 'a list of calibrations',
      description: 'value * scale + offset for one device from a date on.',
      default: [],
    }),
    examples: Type.Array(example, {
      title: 'a list of examples',
      description: 'Messages and what must become of them: tests that check-config runs.',
      default: [],
    }),
  },
  { ...strict, title: 'a route', examples: [{ topic: readingTopic('rainfall'), measurement: 'rainfall', unit: 'mm' }] },
)

/** A route of the file with every default filled in. */
export type FileRoute = Static<typeof routeSchema>
