// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { StartError } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { formats, sensorNames } from '../profile.ts'
import { linkPresets, profileDefaults } from './defaults.ts'
import { loadScenario, parseScenario, readScenario, scenarioNames } from './load.ts'
import { ratesOf } from './scenario.ts'

const load = (text: string, env: NodeJS.ProcessEnv = {}) => parseScenario(text, 'own.yaml', env)

function problemsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return error.problems
  }
  return []
}
const problems = (text: string) => problemsOf(() => load(text))

const least = `description: one
duration: 1h
profiles:
  - name: a
    site: s
    sensors: [rain]
`
/** The problems of a profile with these keys, from line 7 on, and of what stands behind it. */
const problemsWith = (keys: string[], behind = '') =>
  problems(`${least}${keys.map((key) => `    ${key}\n`).join('')}${behind}`)

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const cases = [
  'demo',
  'rain-network',
  'hospital-ward',
  'satellite',
  'smart-lab',
  'location-aware',
  'captions',
  'gateway-outage',
  'storm',
  'brown-out',
  'firmware-bug',
  'fleet-growth',
  'mass-reconnect',
  'mixed',
]

test('scenarioNames has one scenario for each case of the field', () => {
  expect(scenarioNames()).toEqual(cases.toSorted())
})

test.each(cases)('loadScenario takes %s, small enough for a laptop, when it is named', (name) => {
  const scenario = loadScenario(name, {})
  expect(scenario.name).toBe(name)
  const { devices, reportsPerMin } = ratesOf(scenario)
  expect(devices).toBeLessThanOrEqual(1000)
  expect(reportsPerMin / 60).toBeLessThanOrEqual(100)
  expect(scenario.durationMs.real).toBeLessThanOrEqual(4 * 3_600_000)
  expect(readScenario(name).text).toMatch(/^# yaml-language-server: .*\n# Shows: [\s\S]*\n# Look at: /)
})

test('mixed speaks every format, and all scenarios together have every sensor', () => {
  expect(new Set(loadScenario('mixed', {}).profiles.map(({ format }) => format))).toEqual(new Set(formats))
  const sensors = cases.flatMap((name) => loadScenario(name, {}).profiles.flatMap((profile) => profile.sensors))
  expect(new Set(sensors)).toEqual(new Set(sensorNames))
})

test('a profile is the table of defaults when only what is wanted is said', () => {
  expect(load(least)).toEqual({
    name: 'own',
    description: 'one',
    seed: null,
    durationMs: { virtual: 3_600_000, real: 3_600_000 },
    profiles: [{ ...profileDefaults, name: 'a', site: 's', sensors: ['rain'] }],
    incidents: [],
    expect: { alertWithinMs: null, alertsPerIncidentMax: null },
  })
})

test('a scenario is what it says when everything is said', () => {
  const text = `description: all
seed: 7
duration: 2d
realDuration: 90s
profiles:
  - name: a
    site: s
    count: 30
    prefix: p
    sensors: [rain, voltage]
    sampleEvery: 500ms
    batch: 60
    format: json
    compression: gzip
    qos: 0
    clock: relative
    sequence: false
    boot: false
    announcesNext: true
    connection: wake
    keepAlive: 0s
    persistentSession: true
    tellsStatus: false
    flashReports: 3
    window: 1
    retry: 250ms
    acknowledgeTimeout: 7s
    radio: nb-iot
    cell: cr2032
    boardUa: 1.5
    tls: "1.3"
    solar: true
    link:
      preset: lora
      latency: 1s
      jitter: 20ms
      bitsPerS: 300
      goodToBad: 0.1
      badToGood: 0.2
      lossInBad: 0.3
      outageEvery: 1h
      outageLasts: 1min
      halfOpen: 1
      natTimeout: 5min
      duplicate: 0.5
      delayMax: 3s
    faults:
      - { fault: drift, share: 0.5, perDay: 2, lasts: 1h, amount: -0.1 }
      - { fault: death, at: 1d }
    joinOver: 10min
    perGateway: 10
incidents:
  - { kind: gateway-outage, gateways: [a-gateway-1, a-gateway-3], at: 1h, lasts: 5min }
  - { kind: site-outage, sites: [s], at: 0s, lasts: 1s }
  - { kind: network-outage, profiles: [a], at: 1d, lasts: 3d }
  - { kind: server-outage, at: 2h, lasts: 1min }
expect: { alertsWithin: 10min, alertsPerIncident: 2 }
`
  expect(load(text)).toEqual({
    name: 'own',
    description: 'all',
    seed: 7,
    durationMs: { virtual: 172_800_000, real: 90_000 },
    profiles: [
      {
        name: 'a',
        site: 's',
        count: 30,
        prefix: 'p',
        sensors: ['rain', 'voltage'],
        sampleEveryS: 0.5,
        batch: 60,
        format: 'json',
        compression: 'gzip',
        qos: 0,
        clock: 'relative',
        sequence: false,
        boot: false,
        announcesNext: true,
        connection: 'wake',
        keepAliveS: 0,
        persistentSession: true,
        tellsStatus: false,
        flashReports: 3,
        window: 1,
        retryS: 0.25,
        acknowledgeTimeoutS: 7,
        radio: 'nb-iot',
        cell: 'cr2032',
        boardUa: 1.5,
        tls: '1.3',
        solar: true,
        link: {
          latencyMs: 1000,
          jitterMs: 20,
          bitsPerS: 300,
          goodToBad: 0.1,
          badToGood: 0.2,
          lossInBad: 0.3,
          outageEveryS: 3600,
          outageLastsS: 60,
          halfOpen: 1,
          natTimeoutS: 300,
          duplicate: 0.5,
          delayMsMax: 3000,
        },
        faults: [
          { fault: 'drift', share: 0.5, perDay: 2, atS: null, lastsS: 3600, amount: -0.1 },
          { fault: 'death', share: 1, perDay: null, atS: 86_400, lastsS: 0, amount: 0 },
        ],
        joinOverS: 600,
        perGateway: 10,
      },
    ],
    incidents: [
      { kind: 'gateway-outage', of: ['a-gateway-1', 'a-gateway-3'], atS: 3600, lastsS: 300 },
      { kind: 'site-outage', of: ['s'], atS: 0, lastsS: 1 },
      { kind: 'network-outage', of: ['a'], atS: 86_400, lastsS: 259_200 },
      { kind: 'server-outage', of: [], atS: 7200, lastsS: 60 },
    ],
    expect: { alertWithinMs: 600_000, alertsPerIncidentMax: 2 },
  })
})

test.each(Object.entries(linkPresets))(
  'link %s brings link, radio and cell when only its name is said',
  (name, preset) => {
    const [profile] = load(`${least}    link: ${name}\n`).profiles
    const { link, radio, cell } = preset
    expect(profile).toMatchObject({ link, radio, cell })
    const own = load(`${least}    link: { preset: ${name}, latency: 9ms }\n    cell: alkaline-2aa\n`).profiles[0]
    expect(own).toMatchObject({ link: { ...link, latencyMs: 9 }, radio, cell: 'alkaline-2aa' })
  },
)

test('ratesOf counts reports, not samples, when profiles batch', () => {
  const { profiles } = load(`${least}    count: 30\n    sampleEvery: 10s\n    batch: 6\n`)
  const scenario = load(least)
  expect(ratesOf({ ...scenario, profiles: [...profiles, ...scenario.profiles] })).toEqual({
    devices: 31,
    reportsPerMin: 31,
  })
})

test('every problem is told at once, with file, line, key, given and wanted, when there are several', () => {
  const text = `description: ""
seed: -1
duration: 5
profiles:
  - name: Valley
    sensors: [rain, votlage]
    sampleEvry: 1min
    batch: 0
    sampleEvery: 1m
incidents:
  - kind: gateway
expect: 3
nonsense: 1
`
  expect(problems(text)).toEqual([
    'own.yaml:1 description: "" given, one line of text wanted, for example "rain gauges along a valley"',
    'own.yaml:2 seed: -1 given, a whole number from 0 to 4294967295 wanted, for example 7',
    'own.yaml:3 duration: 5 given, a duration of at least 1s like 30s, 10min, 1h or 30d wanted, for example "30d" (in quotes it is text)',
    'own.yaml:5 profiles[0].name: "Valley" given, a name of at most 40 lower-case letters, digits and - wanted',
    'own.yaml:5 profiles[0].site: is missing, a name of at most 40 lower-case letters, digits and - wanted',
    'own.yaml:6 profiles[0].sensors[1]: "votlage" given, one of rain, rain-counter, pulse, voltage, satellite, position, captions, lab wanted',
    'own.yaml:7 profiles[0].sampleEvry: unknown key, did you mean "sampleEvery"?',
    'own.yaml:8 profiles[0].batch: 0 given, a whole number from 1 to 10000 wanted, for example 1',
    'own.yaml:9 profiles[0].sampleEvery: "1m" given, a duration of at least 10ms like 30s, 10min, 1h or 30d wanted, for example "1min"',
    'own.yaml:11 incidents[0].kind: "gateway" given, one of gateway-outage, site-outage, network-outage, server-outage wanted',
    'own.yaml:12 expect: 3 given, keys with values wanted',
    'own.yaml:13 nonsense: unknown key, known are description, seed, duration, realDuration, profiles, incidents, expect',
  ])
})

test.each([
  ['', 'own.yaml:1 description: is missing'],
  ['[]', 'own.yaml:1: a list given, keys with values wanted'],
  ['a: [', 'own.yaml:1: not valid YAML'],
  ['description: ${NAME}\n', 'own.yaml:1 description: the environment variable NAME is not set'],
  [
    'description: x\nduration: 1h\nprofiles: []\n',
    'own.yaml:3 profiles: an empty list given, a list of profiles wanted',
  ],
])('parseScenario says what is wrong when the file is %j', (text, problem) => {
  expect(problems(text)[0]).toContain(problem)
})

test.each([
  [['link: lte'], 'own.yaml:7 profiles[0].link: "lte" given, one of perfect, wifi-home'],
  [['link: { preset: lte }'], 'own.yaml:7 profiles[0].link.preset: "lte" given, one of perfect, wifi-home'],
  [['link: { latency: 1s }'], 'own.yaml:7 profiles[0].link.preset: is missing, one of perfect'],
  [
    ['link: { preset: lora, halfOpen: 2 }'],
    'own.yaml:7 profiles[0].link.halfOpen: 2 given, a number from 0 to 1 wanted',
  ],
  [['format: value', 'batch: 2'], 'own.yaml:8 profiles[0].batch: 2 given, 1 wanted: format value holds one sample'],
  [['format: csv', 'batch: 2'], 'own.yaml:8 profiles[0].batch: 2 given, 1 wanted: with sequence'],
  [['clock: none', 'batch: 2'], 'own.yaml:8 profiles[0].batch: 2 given, 1 wanted: without a clock'],
  [
    ['format: packed', 'batch: 2', 'sampleEvery: 1500ms'],
    'own.yaml:8 profiles[0].batch: 2 given, 1 wanted: format packed',
  ],
  [['joinOver: 1h'], 'own.yaml:7 profiles[0].joinOver: "1h" given, less than the duration of the run, 1h, wanted'],
  [['faults: [{ fault: stuck }]'], 'own.yaml:7 profiles[0].faults[0]: neither perDay and at given, one of them wanted'],
  [['faults: [{ fault: stuck, at: 0s, perDay: 1 }]'], 'own.yaml:7 profiles[0].faults[0]: both perDay and at given'],
  [['faults:', '  - { fault: stuck, at: 2h }'], 'own.yaml:8 profiles[0].faults[0].at: "2h" given, less than'],
  [
    ['faults: [{ fault: gain, at: 0s }]'],
    'own.yaml:7 profiles[0].faults[0].amount: 0 given, how much wanted with gain',
  ],
  [
    ['faults: [{ fault: stuck, at: 0s, amount: 2 }]'],
    'own.yaml:7 profiles[0].faults[0].amount: 2 given, nothing wanted',
  ],
  [['faults: [{ fault: stuk, at: 0s }]'], 'own.yaml:7 profiles[0].faults[0].fault: "stuk" given, one of stuck, spike'],
])('parseScenario says what is wrong when a profile has %j', (keys, problem) => {
  const found = problemsWith(keys)
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(problem)
})

const second = (keys: string) => `  - { name: a2, site: s, sensors: [rain], ${keys} }\n`

test.each([
  [second('prefix: x').replace('a2', 'a'), 'own.yaml:7 profiles[1].name: "a" given, that is what profiles[0] has'],
  [second('count: 2'), 'own.yaml:7 profiles[1].prefix: "dev" at site "s" given, that is what profiles[0] has'],
  [
    second(`prefix: x, count: ${limits.simulatedDevicesMax}`),
    `own.yaml:3 profiles: ${limits.simulatedDevicesMax + 1} devices given, at most`,
  ],
])('parseScenario says what is wrong when there is a second profile %s', (profile, problem) => {
  const found = problems(`${least}${profile}`)
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(problem)
})

test.each([
  ['kind: server-outage, at: 1h, lasts: 1s', 'own.yaml:9 incidents[0].at: "1h" given, less than the duration'],
  ['kind: server-outage, at: 1s, lasts: 0s', 'own.yaml:9 incidents[0].lasts: "0s" given, a duration of at least 1s'],
  ['kind: server-outage, at: 1s', 'own.yaml:9 incidents[0].lasts: is missing'],
  ['kind: server-outage, at: 1s, lasts: 1s, sites: [s]', 'own.yaml:9 incidents[0].sites: unknown key'],
  ['kind: site-outage, at: 1s, lasts: 1s', 'own.yaml:9 incidents[0].sites: is missing, a list of sites wanted'],
  ['kind: site-outage, sites: [], at: 1s, lasts: 1s', 'own.yaml:9 incidents[0].sites: an empty list given'],
  [
    'kind: site-outage, sites: [t], at: 1s, lasts: 1s',
    'sites[0]: "t" given, one of the sites of the profiles wanted, did you mean "s"?',
  ],
  [
    'kind: network-outage, profiles: [gauges], at: 1s, lasts: 1s',
    'profiles[0]: "gauges" given, one of the profiles of the profiles wanted',
  ],
  [
    'kind: gateway-outage, gateways: [a-gateway-3], at: 1s, lasts: 1s',
    'gateways[0]: "a-gateway-3" given, one of the gateways of the profiles wanted, did you mean "a-gateway-1"?',
  ],
])('parseScenario says what is wrong when an incident is { %s }', (incident, problem) => {
  const found = problemsWith(['count: 20', 'perGateway: 10'], `incidents: [{ ${incident} }]\n`)
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(problem)
})

test('loadScenario says what there is when the name is unknown or there is no such file', () => {
  expect(problemsOf(() => loadScenario('rain-netwrk'))).toEqual([
    '"rain-netwrk" is no scenario, did you mean "rain-network"?',
  ])
  expect(problemsOf(() => loadScenario('x'))).toEqual(['"x" is no scenario, dewpoint simulate list names them'])
  expect(problemsOf(() => loadScenario('./none.yaml'))).toEqual([
    './none.yaml: there is no such file, a scenario wanted',
  ])
  expect(problemsOf(() => loadScenario('../scenario/'))[0]).toMatch(/^\.\.\/scenario\/: /)
})

test('loadScenario takes a file of the user, with its variables, when its path is given', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scenario-'))
  folders.push(folder)
  const path = join(folder, 'mine.yml')
  writeFileSync(path, least.replace('site: s', 'site: ${SITE}'))
  expect(loadScenario(path, { SITE: 'here' })).toMatchObject({ name: 'mine', profiles: [{ site: 'here' }] })
})
