/** What may stand in `notifiers`: a name for each way to tell somebody. See schema.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../telemetry/limits.ts'
import { strict, text } from '../telemetry/settings/text.ts'
import * as alertRules from './alert-rules.ts'
import * as rules from './rules.ts'

const template = (of: string, example: string) =>
  text(alertRules.templateRule, {
    title: 'a text with names in braces',
    description: `${of} of each message. ${alertRules.templateNames.map((name) => `{${name}}`).join(', ')} stand for what the alert says. Left out: the usual.`,
    default: '',
    examples: [example],
  })

const common = {
  perMinuteMax: Type.Integer({
    title: 'a whole number from 1 on',
    description: 'Messages in a minute at most; the rest waits, and becomes one message when there is much of it.',
    default: limits.notificationsPerMinute,
    minimum: 1,
  }),
  title: template('Title', '{severity}: {title}'),
  text: template('Text', '{why} {url}'),
}

const webhook = Type.Object(
  {
    type: Type.Literal('webhook', { description: 'A POST to a URL.' }),
    url: text(alertRules.webhookRule, {
      title: 'a link that begins with https:// or http://',
      description: 'Where it is posted to.',
      examples: [`\${OPS_WEBHOOK}`],
      writeOnly: true,
    }),
    format: Type.Enum(['generic', 'slack', 'discord', 'teams', 'ntfy'], {
      description: 'Whose shape the body has; generic: all of the alert as JSON.',
      default: 'generic',
    }),
    secret: Type.Optional(
      text(rules.tokenRule, {
        title: 'a text without blanks and line ends',
        description: 'Key of the signature that a generic body carries. Left out: none.',
        examples: [`\${OPS_SECRET}`],
        writeOnly: true,
      }),
    ),
    ...common,
  },
  strict,
)

const mailAddress = (example: string, description?: string) =>
  text(alertRules.mailRule, { title: 'a mail address', ...(description && { description }), examples: [example] })

const smtp = Type.Object(
  {
    type: Type.Literal('smtp', { description: 'An e-mail.' }),
    url: text(alertRules.smtpRule, {
      title: 'smtp://user:password@host:port, or smtps:// for TLS from the start,',
      description: 'The mail server.',
      examples: [`\${SMTP_URL}`],
      writeOnly: true,
    }),
    from: mailAddress('dewpoint@example.org', 'Who it comes from.'),
    to: Type.Array(mailAddress('ops@example.org'), {
      title: 'a list of mail addresses',
      description: 'Who gets it.',
      examples: [['ops@example.org']],
      minItems: 1,
    }),
    ...common,
  },
  strict,
)

const mqtt = Type.Object(
  {
    type: Type.Literal('mqtt', { description: "A message of Dewpoint's own broker." }),
    topic: text(alertRules.alertTopicRule, {
      title: 'the beginning of a topic, without + and #',
      description: 'In front of /{site}/{device}; QoS 1, retained while the alert lasts.',
      default: 'alerts',
      maxLength: 200,
    }),
    ...common,
  },
  strict,
)

const webPush = Type.Object(
  {
    type: Type.Literal('web-push', {
      description: 'A push to each phone that "Notify me on this phone" was pressed on.',
    }),
    contact: text(alertRules.contactRule, {
      title: 'mailto:somebody@host, or a link that begins with https://',
      description: 'Whom the push service can turn to.',
      examples: ['mailto:ops@example.org'],
    }),
    ...common,
  },
  strict,
)

export const notifierSchemas = [webhook, smtp, mqtt, webPush] as const

export const notifiersSchema = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,39}$' }),
  Type.Union([...notifierSchemas], {
    title: 'keys with values like { type: webhook, url: ... }',
    description: 'One way to tell somebody.',
    examples: [{ type: 'webhook', url: `\${OPS_WEBHOOK}`, format: 'slack' }],
  }),
  {
    ...strict,
    title: 'names of letters, digits, _ and -, with keys',
    description: 'Who can be told, by the names that rules use. Notifiers of your own replace the default one.',
    default: { mqtt: { type: 'mqtt' } },
    examples: [{ ops: { type: 'webhook', url: `\${OPS_WEBHOOK}`, format: 'slack' } }],
  },
)

/** With every default filled in. */
export type FileNotifiers = Static<typeof notifiersSchema>
