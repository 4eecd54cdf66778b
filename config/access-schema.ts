/** `broker.access`: credentials for each device, and the topics that are its own. */
import Type from 'typebox'
import { strict, text } from '../telemetry/settings/text.ts'
import * as rules from './rules.ts'

const derivedKey = text(rules.derivedKeyRule, {
  title: 'a random text of at least 32 characters without blanks',
  examples: [`\${DEWPOINT_DEVICE_KEY}`],
  writeOnly: true,
})

const operator = Type.Object(
  {
    username: text(rules.anyTextRule, { minLength: 1, title: 'text', description: 'User name.', examples: ['ann'] }),
    password: text(rules.anyTextRule, {
      minLength: 1,
      title: 'text',
      description: 'Password.',
      examples: [`\${ANN_PASSWORD}`],
      writeOnly: true,
    }),
  },
  { ...strict, title: 'username and password', examples: [{ username: 'ann', password: `\${ANN_PASSWORD}` }] },
)

const topics = (title: string, description: string, preset: string[]) =>
  Type.Array(text(rules.accessTopicRule, { title: 'a topic pattern', examples: preset }), {
    title,
    description: `${description} {device} and {site} are the device's own; other names, +, # and (a|b) as in routes.`,
    default: preset,
  })

const topicRules = Type.Object(
  {
    publish: topics('a list of topic patterns', 'What a device may publish to.', ['sensors/{site}/{device}/#']),
    subscribe: topics('a list of topic patterns', 'What a device may subscribe to.', [
      'commands/{site}/{device}/#',
      'alerts/{site}/{device}',
    ]),
  },
  { ...strict, title: 'publish and subscribe', description: 'Topics of a device.' },
)

export const accessSchema = Type.Object(
  {
    devices: Type.Optional(
      text(rules.anyTextRule, {
        minLength: 1,
        title: 'a file',
        description:
          'Devices with their passwords, as "dewpoint device" writes it; devices.yaml in the data folder if absent.',
        examples: ['./devices.yaml'],
      }),
    ),
    derivedKey: Type.Optional(
      Type.Union([derivedKey, Type.Array(derivedKey, { minItems: 1, title: 'a list of keys' })], {
        title: 'a random text of at least 32 characters without blanks, or a list of them',
        description:
          'A device that is not in the file has the password base64url(HMAC-SHA-256(key, user name)). Of several keys each counts.',
        examples: [`\${DEWPOINT_DEVICE_KEY}`],
        writeOnly: true,
      }),
    ),
    operators: Type.Array(operator, {
      title: 'a list of accounts',
      description: 'Accounts of people and programs that no rules bind.',
      default: [],
    }),
    rules: topicRules,
    connectionsPerAddress: Type.Optional(
      Type.Integer({
        minimum: 1,
        title: 'a whole number from 1 on',
        description: 'Connections open at once from one address. Absent: as many as there may be at all.',
        examples: [100],
      }),
    ),
  },
  {
    ...strict,
    title: 'keys with values',
    description: 'Credentials of each device; {} for the defaults.',
    examples: [{}],
  },
)
