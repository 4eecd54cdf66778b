/** What may stand in `alerts`: rules, maintenance windows, and where the page is reached. See schema.ts. */
import Type, { type Static } from 'typebox'
import { severities } from '../telemetry/alert.ts'
import { deviceStates } from '../telemetry/device.ts'
import { strict, text } from '../telemetry/settings/text.ts'
import * as alertRules from './alert-rules.ts'
import { dateRule } from './route-rules.ts'
import * as rules from './rules.ts'

const duration = (description: string, example: string) =>
  text(rules.durationRule, { title: 'a duration of at least 1s like 10min', description, examples: [example] })

const filter = (of: string, example: string) =>
  text(alertRules.nameFilterRule, {
    title: `a ${of}, in which * stands for anything`,
    description: `Only this ${of}; * stands for anything within. Left out: all.`,
    default: '',
    examples: [example],
  })

const state = Type.Enum([...deviceStates])
const number = (description: string, example: number) =>
  Type.Optional(Type.Number({ title: 'a number', description, examples: [example] }))

const when = Type.Object(
  {
    state: Type.Optional(
      Type.Union([state, Type.Array(state, { title: 'a list of states', minItems: 1 })], {
        title: `one of ${deviceStates.join(', ')}, or a list of them,`,
        description: 'The state of the device is this, or one of these.',
        examples: [['offline', 'lost']],
      }),
    ),
    channel: Type.Optional(
      text(rules.anyTextRule, {
        title: 'a channel',
        description:
          'The channel as the page names it: measurement, or measurement.field; goes with above or below, or with noData.',
        examples: ['voltage'],
        minLength: 1,
      }),
    ),
    above: number('The value, or with rate its change, is above this.', 40),
    below: number('The value, or with rate its change, or the completeness, is below this.', 3.4),
    clear: number(
      'Where it ends, so that noise around the threshold makes one alert. Left out: at the threshold.',
      3.5,
    ),
    rate: Type.Optional(duration('By how much the value changes within this time, instead of the value.', '1h')),
    completeness: Type.Optional(
      duration('Reports received of those expected, from 0 to 1, over this time; goes with below.', '24h'),
    ),
    noData: Type.Optional(duration('No value of the channel (left out: of any) for so long.', '2h')),
  },
  {
    ...strict,
    title: 'a condition',
    description: 'When the rule is true for a device: one of state, channel, completeness and noData.',
    examples: [{ state: ['offline', 'lost'] }],
  },
)

const notify = (description: string) =>
  Type.Array(Type.String({ title: 'a name of notifiers', examples: ['ops'] }), {
    title: 'a list of names of notifiers',
    description,
    examples: [['ops']],
  })

const clock = (description: string, preset: string) =>
  text(alertRules.clockRule, { title: 'a time of day like 08:00', description, default: preset })

const schedule = Type.Object(
  {
    days: text(alertRules.daysRule, {
      title: 'days of the week like mon-fri or sat,sun',
      description: 'Days on which it tells.',
      default: 'mon-sun',
      examples: ['mon-fri'],
    }),
    from: clock('From this time of the day on, UTC.', '00:00'),
    to: clock('Until this time, UTC; before from: of the next day.', '24:00'),
  },
  {
    ...strict,
    title: 'days, from and to',
    description: 'When it tells of its alerts, UTC; what stands then is told then. Left out: always.',
    examples: [{ days: 'mon-fri', from: '08:00', to: '18:00' }],
  },
)

export const alertRuleSchema = Type.Object(
  {
    name: text(rules.anyTextRule, {
      title: 'a name',
      description: 'Name of the rule, in alerts and messages.',
      examples: ['battery'],
      minLength: 1,
      maxLength: 100,
    }),
    when,
    for: text(alertRules.durationOrNoneRule, {
      title: 'a duration like 10min',
      description: 'The condition must hold so long before the alert fires.',
      default: '0s',
      examples: ['10min'],
    }),
    site: filter('site', 'north-*'),
    device: filter('device', 'gauge-*'),
    severity: Type.Enum([...severities], { description: 'How grave it is.', default: 'warning' }),
    labels: Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
      Type.String({ title: 'text', examples: ['hardware'] }),
      {
        ...strict,
        title: 'names of small letters, digits and _, with texts',
        description: 'Carried by the alert, for who takes it on.',
        default: {},
        examples: [{ team: 'hardware' }],
      },
    ),
    schedule: Type.Optional(schedule),
    notify: Type.Optional(notify('Who is told. Left out: every notifier. []: nobody, the page shows it.')),
    escalate: Type.Optional(
      Type.Object(
        {
          after: duration('Not acknowledged for so long.', '30min'),
          notify: notify('Who is told then too.'),
        },
        {
          ...strict,
          title: 'after and notify',
          description: 'Who is told too when nobody acknowledges it.',
          examples: [{ after: '30min', notify: ['boss'] }],
        },
      ),
    ),
    remind: Type.Optional(duration('Told again every so long while it lasts. Left out: once.', '4h')),
  },
  { ...strict, title: 'a rule', examples: [{ name: 'offline', when: { state: ['offline', 'lost'] } }] },
)

const moment = (description: string, example: string) =>
  text(dateRule, { title: 'a date, UTC unless it has a zone,', description, examples: [example] })

const maintenanceSchema = Type.Object(
  {
    site: filter('site', 'north'),
    device: filter('device', 'gauge-7'),
    from: moment('When it begins.', '2026-12-01T08:00Z'),
    to: moment('When it ends.', '2026-12-01T12:00Z'),
    note: Type.String({ title: 'text', description: 'What is done.', default: '', examples: ['new gateway'] }),
  },
  {
    ...strict,
    title: 'a maintenance window',
    examples: [{ site: 'north', from: '2026-12-01T08:00Z', to: '2026-12-01T12:00Z', note: 'new gateway' }],
  },
)

export const alertsSchema = Type.Object(
  {
    publicUrl: text(alertRules.publicUrlRule, {
      title: 'a link like https://dewpoint.example',
      description:
        'Where the page is reached from outside: for links, and for acknowledge and mute within messages. Left out: messages have none.',
      default: '',
      examples: ['https://dewpoint.example'],
    }),
    rules: Type.Array(alertRuleSchema, {
      title: 'a list of rules',
      description: 'When somebody is told of what. Rules of your own replace the default one.',
      default: [{ name: 'device-offline', when: { state: ['offline', 'lost'] } }],
    }),
    maintenance: Type.Array(maintenanceSchema, {
      title: 'a list of maintenance windows',
      description: 'Devices that are worked on: nobody is told of their alerts meanwhile. The page opens them too.',
      default: [],
    }),
  },
  { ...strict, title: 'keys with values', description: 'Who is told of what: docs/alerts.md.' },
)

/** With every default filled in. */
export type FileAlerts = Static<typeof alertsSchema>
