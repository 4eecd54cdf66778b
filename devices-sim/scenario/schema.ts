/**
 * What may stand in a scenario, for three readers: load.ts, editors by way of docs/scenario.schema.json, and the tables of
 * docs/simulator.md. Keys as in telemetry.yaml: a `title` says what is wanted, `default` makes a key optional.
 */
import Type, { type Static } from 'typebox'
import { strict, text } from '../../telemetry/settings/text.ts'
import { time, timeFrom, whole } from './parts.ts'
import { profileSchema } from './profile-schema.ts'
import type { IncidentKind } from './scenario.ts'

const when = {
  at: time({ description: 'So long after the start of the run.', examples: ['10min'] }),
  lasts: timeFrom('1s', { description: 'How long; the end of the run ends it too.', examples: ['5min'] }),
}

const incident = <Kind extends IncidentKind, Of extends object>(kind: Kind, description: string, of: Of) =>
  Type.Object({ kind: Type.Literal(kind, { description }), ...of, ...when }, strict)

const names = (what: string, example: string) =>
  Type.Array(Type.String({ title: 'a name', examples: [example] }), {
    title: `a list of ${what}`,
    description: `The ${what} that it concerns.`,
    minItems: 1,
    examples: [[example]],
  })

const incidents = Type.Union(
  [
    incident('gateway-outage', 'A gateway is gone, and so all devices behind it.', {
      gateways: names('gateways', 'gauge-gateway-1'),
    }),
    incident('site-outage', 'A site has no power or no line: nothing comes of its devices.', {
      sites: names('sites', 'valley'),
    }),
    incident('network-outage', 'The network of some profiles is down: all their devices lose the link at once.', {
      profiles: names('profiles', 'gauge'),
    }),
    incident('server-outage', 'The server is down, and all devices try again and again.', {}),
  ],
  {
    title: 'an incident',
    examples: [{ kind: 'gateway-outage', gateways: ['gauge-gateway-1'], at: '10min', lasts: '5min' }],
  },
)

const expectSchema = Type.Object(
  {
    alertsWithin: Type.Optional(
      timeFrom('1s', {
        description: 'Each incident and each death of a device raises an alert by then, and nothing else does.',
        examples: ['10min'],
      }),
    ),
    alertsPerIncident: Type.Optional(
      whole(0, 1_000_000, { description: 'An incident raises at most so many alerts.', examples: [1] }),
    ),
  },
  {
    ...strict,
    title: 'keys with values',
    description: 'What the run must show, besides that nothing is lost or altered.',
  },
)

const textRule = (value: string) => (value.trim() === '' || value.includes('\n') ? '' : null)

export const scenarioSchema = Type.Object(
  {
    description: text(textRule, {
      title: 'one line of text',
      description: 'What simulate list says of it.',
      examples: ['rain gauges along a valley'],
    }),
    seed: Type.Optional(
      whole(0, 2 ** 32 - 1, { description: 'Repeats a run. Left out: a random one, which is printed.', examples: [7] }),
    ),
    duration: timeFrom('1s', { description: 'How long the run is.', examples: ['30d'] }),
    realDuration: Type.Optional(
      timeFrom('1s', { description: 'The same against a real server. Left out: as long.', examples: ['1h'] }),
    ),
    profiles: Type.Array(profileSchema, {
      title: 'a list of profiles',
      description: 'The devices.',
      minItems: 1,
    }),
    incidents: Type.Array(incidents, {
      title: 'a list of incidents',
      description: 'What breaks for many at once.',
      default: [],
    }),
    expect: expectSchema,
  },
  { ...strict, title: 'keys with values', description: 'A run of simulated devices.' },
)

/** The file with every default filled in. */
export type ScenarioFile = Static<typeof scenarioSchema>
export type FileIncident = ScenarioFile['incidents'][number]

/** The key that names what an incident concerns. */
export const concernKeys = {
  'gateway-outage': 'gateways',
  'site-outage': 'sites',
  'network-outage': 'profiles',
  'server-outage': null,
} as const satisfies { [kind in IncidentKind]: string | null }
