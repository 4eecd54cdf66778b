// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { expect, test } from 'vitest'
import { minuteOfDay, weekdays } from './alert-rules.ts'
import { loadConfig } from './load.ts'
import { problemsOf } from './problems.fake.ts'

const load = (text: string, env: NodeJS.ProcessEnv = {}) => loadConfig(text, 'telemetry.yaml', env)

const problems = (text: string, env: NodeJS.ProcessEnv = {}) => problemsOf(text, 'telemetry.yaml', env)

/** A file with one rule that says this, and the notifier mqtt. */
const rule = (text: string) => `alerts: { rules: [{ name: a, ${text} }] }`

test('loadConfig gives alerts and notifiers when a person has written them short', () => {
  const text = `
alerts:
  publicUrl: https://dewpoint.example/
  rules:
    - { name: offline, when: { state: [offline, lost] }, severity: critical, notify: [ops], escalate: { after: 30min, notify: [boss] }, remind: 4h }
    - { name: battery, when: { channel: voltage, below: 3.4, clear: 3.5 }, for: 10min, site: north-*, schedule: { days: mon-fri, from: "08:00", to: "18:00" } }
    - { name: downpour, when: { channel: rainfall, rate: 1h, above: 50 }, labels: { team: water } }
    - { name: holes, when: { completeness: 24h, below: 0.9 }, notify: [] }
    - { name: silent, when: { noData: 2h, channel: rainfall } }
    - { name: mute, when: { noData: 2h } }
    - { name: late, when: { state: late } }
  maintenance: [{ site: north, from: 2026-12-01T08:00Z, to: 2026-12-01T12:00Z, note: new gateway }]
notifiers:
  ops: { type: webhook, url: "\${OPS}", format: slack }
  boss: { type: smtp, url: "\${SMTP}", from: Dewpoint <dewpoint@example.org>, to: [ops@example.org], title: "{severity}: {title}" }
  phones: { type: web-push, contact: "mailto:ops@example.org", perMinuteMax: 5 }
`
  const { alerts } = load(text, { OPS: 'https://hooks.example/T0/B1', SMTP: 'smtps://u:p@mail.example' })
  const everybody = ['ops', 'boss', 'phones']
  const plain = {
    site: '',
    device: '',
    forMs: 0,
    severity: 'warning',
    labels: {},
    schedule: null,
    notify: everybody,
    escalate: null,
    remindMs: null,
  }
  const more = { perMinuteMax: 20, title: '', text: '' }
  expect(alerts).toEqual({
    publicUrl: 'https://dewpoint.example',
    rules: [
      {
        ...plain,
        name: 'offline',
        condition: { kind: 'state', states: ['offline', 'lost'] },
        severity: 'critical',
        notify: ['ops'],
        escalate: { afterMs: 1_800_000, notify: ['boss'] },
        remindMs: 14_400_000,
      },
      {
        ...plain,
        name: 'battery',
        condition: { kind: 'threshold', channel: 'voltage', above: null, below: 3.4, clear: 3.5 },
        forMs: 600_000,
        site: 'north-*',
        schedule: { days: [1, 2, 3, 4, 5], fromMinute: 480, toMinute: 1080 },
      },
      {
        ...plain,
        name: 'downpour',
        condition: { kind: 'rate', channel: 'rainfall', perMs: 3_600_000, above: 50, below: null, clear: null },
        labels: { team: 'water' },
      },
      {
        ...plain,
        name: 'holes',
        condition: { kind: 'completeness', overMs: 86_400_000, below: 0.9, clear: null },
        notify: [],
      },
      { ...plain, name: 'silent', condition: { kind: 'no-data', channel: 'rainfall', forMs: 7_200_000 } },
      { ...plain, name: 'mute', condition: { kind: 'no-data', channel: '', forMs: 7_200_000 } },
      { ...plain, name: 'late', condition: { kind: 'state', states: ['late'] } },
    ],
    maintenance: [
      {
        site: 'north',
        device: '',
        fromMs: Date.UTC(2026, 11, 1, 8),
        toMs: Date.UTC(2026, 11, 1, 12),
        note: 'new gateway',
      },
    ],
    notifiers: [
      { name: 'ops', type: 'webhook', url: 'https://hooks.example/T0/B1', format: 'slack', secret: null, ...more },
      {
        name: 'boss',
        type: 'smtp',
        url: 'smtps://u:p@mail.example',
        from: 'Dewpoint <dewpoint@example.org>',
        to: ['ops@example.org'],
        ...more,
        title: '{severity}: {title}',
      },
      { name: 'phones', type: 'web-push', contact: 'mailto:ops@example.org', ...more, perMinuteMax: 5 },
    ],
  })
})

test('loadConfig gives everyMs when a route says every', () => {
  const route = 'routes: [{ topic: "a/{device}", measurement: m, every: 10min }]'
  expect(load(route).routes[0]?.everyMs).toBe(600_000)
  expect(problems(route.replace('10min', '10'))).toEqual([
    '1 routes[0].every: 10 given, a duration of at least 1s like 10min wanted, for example "10min" (in quotes it is text)',
  ])
})

test('loadConfig tells every problem of alerts at once, each with its line, when there are many', () => {
  const text = `
alerts:
  publicUrl: dewpoint.example
  rules:
    - name: a
      when: { channel: v, above: 3, clear: 4 }
      notify: [opps]
    - name: a
      when: { channel: v, below: 3, clear: 2 }
    - { name: b, when: { channel: v } }
    - { name: c, when: { channel: v, above: 1, below: 2 } }
    - { name: d, when: { state: lost, above: 1 } }
    - { name: e, when: {} }
    - { name: f, when: { completeness: 24h } }
    - { name: g, when: { completeness: 24h, below: 90 } }
    - { name: h, when: { state: dead }, for: soon, severity: bad }
    - { name: i, when: { state: lost }, schedule: { days: mon-fry, from: "8", to: "25:00" }, escalate: { after: 1min, notify: [x] } }
    - { when: { stat: lost } }
  maintenance:
    - { from: 2026-12-02, to: 2026-12-01 }
notifiers:
  ops: { type: webhook, url: hooks.example, format: slak }
  mail: { type: smtp, url: "smtp://h", from: "a@b\\nBcc: c@d", to: [] }
  page: { type: web-push, contact: nobody }
  bad name: { type: mqtt }
`
  expect(problems(text)).toEqual([
    '3 alerts.publicUrl: "dewpoint.example" given, a link like https://dewpoint.example wanted, for example "https://dewpoint.example"',
    '6 alerts.rules[0].when.clear: 4 given, 3 or less, since the alert begins above it wanted',
    '7 alerts.rules[0].notify[0]: "opps" is no notifier, did you mean "ops"?',
    '8 alerts.rules[1].name: "a" is the name of alerts.rules[0] already',
    '9 alerts.rules[1].when.clear: 2 given, 3 or more, since the alert begins below it wanted',
    '10 alerts.rules[2].when: says no threshold, above or below wanted',
    '11 alerts.rules[3].when.below: does not go with above, one of them wanted',
    '12 alerts.rules[4].when.above: does not go with state',
    '13 alerts.rules[5].when: says no condition, one of state, channel, completeness, noData wanted',
    '14 alerts.rules[6].when: says no threshold, below wanted, for example below: 0.9',
    '15 alerts.rules[7].when.below: 90 given, a number from 0 to 1 wanted',
    expect.stringMatching(/^16 alerts.rules\[8\].when.state: "dead" given, one of never-seen, .*wanted/),
    '16 alerts.rules[8].for: "soon" given, a duration like 10min wanted, for example "10min"',
    '16 alerts.rules[8].severity: "bad" given, one of info, warning, critical wanted',
    '17 alerts.rules[9].schedule.days: "mon-fry" given, days of the week like mon-fri or sat,sun wanted, for example "mon-fri"',
    '17 alerts.rules[9].schedule.from: "8" given, a time of day like 08:00 wanted, for example "00:00"',
    '17 alerts.rules[9].schedule.to: "25:00" given, a time of day like 08:00 wanted, for example "24:00"',
    '17 alerts.rules[9].escalate.notify[0]: "x" is no notifier, known are ops, mail, page',
    '18 alerts.rules[10].name: is missing, a name wanted, for example "battery"',
    '18 alerts.rules[10].when.stat: unknown key, did you mean "state"?',
    '18 alerts.rules[10].when: says no condition, one of state, channel, completeness, noData wanted',
    '20 alerts.maintenance[0].to: "2026-12-01" is not after from',
    '22 notifiers.ops.url: a text given, a link that begins with https:// or http:// wanted, for example "${OPS_WEBHOOK}"',
    '22 notifiers.ops.format: "slak" given, one of generic, slack, discord, teams, ntfy wanted',
    '23 notifiers.mail.from: "a@b\\nBcc: c@d" given, a mail address wanted, for example "dewpoint@example.org"',
    '23 notifiers.mail.to: an empty list given, a list of mail addresses wanted, for example ["ops@example.org"]',
    '24 notifiers.page.contact: "nobody" given, mailto:somebody@host, or a link that begins with https:// wanted, for example "mailto:ops@example.org"',
    expect.stringContaining('notifiers: a key that is no plain word'),
  ])
})

test.each([
  ['when: { state: lost }, notify: []'],
  ['when: { channel: v, above: 3, clear: 3 }'],
  ['when: { channel: v, below: -3, clear: -3 }'],
  ['when: { channel: v, rate: 1h, below: -3, clear: 0 }'],
  ['when: { completeness: 1h, below: 1 }'],
])('loadConfig takes the rule %s', (text) => {
  expect(problems(rule(text))).toEqual([])
})

test('loadConfig never shows an address of a notifier when it is wrong: it holds secrets', () => {
  const text =
    'notifiers: { a: { type: webhook, url: "${A}" }, b: { type: smtp, url: geheim, from: a@b, to: [c@d] }, c: { type: webhook, url: geheim, secret: "ge heim" } }'
  const found = problems(text, { A: 'geheim' })
  expect(found).toHaveLength(4)
  expect(found.join()).not.toMatch(/ge ?heim/)
})

test('loadConfig says which name a template does not know when it holds one', () => {
  expect(problems('notifiers: { a: { type: mqtt, text: "{why} {colour}" } }')).toEqual([
    expect.stringMatching(/^1 notifiers.a.text: "\{why\} \{colour\}" holds \{colour\}, known are \{title\}, \{why\}, /),
  ])
})

test.each([
  ['mon-fri', [1, 2, 3, 4, 5]],
  ['sat,sun', [0, 6]],
  ['Fri-Mon, wed', [0, 1, 3, 5, 6]],
  ['mon-sun', [0, 1, 2, 3, 4, 5, 6]],
  ['tue', [2]],
  ['', null],
  ['mon-', null],
  ['mon-tue-wed', null],
  ['monday', null],
])('weekdays reads %j', (text, wanted) => {
  expect(weekdays(text)).toEqual(wanted)
})

test.each([
  ['00:00', 0],
  ['08:30', 510],
  ['24:00', 1440],
  ['24:01', null],
  ['8:00', null],
  ['08:60', null],
])('minuteOfDay reads %j', (text, wanted) => {
  expect(minuteOfDay(text)).toBe(wanted)
})
