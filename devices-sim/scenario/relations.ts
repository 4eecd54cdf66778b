/** What must fit together between the keys of a scenario. Only what has no problem of its own is looked at. */
import { durationMs } from '../../telemetry/duration.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Sound, whole } from '../../telemetry/settings/check.ts'
import { nearest, type Problems } from '../../telemetry/settings/problems.ts'
import type { FaultName, Format } from '../profile.ts'
import type { FileProfile } from './profile-schema.ts'
import { gatewayOf } from './scenario.ts'
import { concernKeys, type FileIncident, type ScenarioFile } from './schema.ts'

const inMs = (text: string | undefined): number | null => (text === undefined ? null : durationMs(text))

export function checkRelations(file: Sound<ScenarioFile>, problems: Problems): void {
  const runMs = inMs(file.duration)
  const listed = file.profiles ?? []
  const profiles = listed.map((profile) => whole<FileProfile>(profile as Sound<FileProfile> | undefined))
  const within = (path: string, text: string | undefined) => {
    const ms = inMs(text)
    if (runMs === null || ms === null || ms < runMs) return
    problems.add(path, `"${text}" given, less than the duration of the run, ${file.duration}, wanted`)
  }

  checkNames(profiles, problems)
  profiles.forEach((profile, i) => {
    if (profile !== null) checkProfile(profile, `profiles[${i}]`, problems, within)
  })
  const devices = profiles.reduce((sum, profile) => sum + (profile?.count ?? 0), 0)
  if (devices > limits.simulatedDevicesMax) {
    problems.add('profiles', `${devices} devices given, at most ${limits.simulatedDevicesMax} wanted`)
  }
  file.incidents?.forEach((incident, i) => {
    if (incident === undefined) return
    within(`incidents[${i}].at`, incident.at)
    // Names of a profile that has a problem cannot be known.
    if (profiles.every((profile) => profile !== null)) checkConcerned(incident, `incidents[${i}]`, profiles, problems)
  })
}

/** Devices are told apart by site and name, topics by the name of the profile. */
function checkNames(profiles: Array<FileProfile | null>, problems: Problems): void {
  const firstOf = new Map<string, number>()
  const claim = (key: string, i: number, path: string, what: string) => {
    const first = firstOf.get(key)
    if (first === undefined) firstOf.set(key, i)
    else problems.add(path, `${what}, that is what profiles[${first}] has already; another one wanted`)
  }
  profiles.forEach((profile, i) => {
    if (profile === null) return
    const { name, site, prefix } = profile
    claim(`name ${name}`, i, `profiles[${i}].name`, `"${name}" given`)
    claim(`devices ${site}/${prefix}`, i, `profiles[${i}].prefix`, `"${prefix}" at site "${site}" given`)
  })
}

const ofOneSample: readonly Format[] = ['value', 'text', 'cayenne-lpp']
const withAmount: readonly FaultName[] = ['drift', 'gain', 'clock-skew']

function checkProfile(
  profile: FileProfile,
  path: string,
  problems: Problems,
  within: (path: string, text: string | undefined) => void,
): void {
  const why = batchProblem(profile)
  if (profile.batch > 1 && why !== null) {
    problems.add(`${path}.batch`, `${profile.batch} given, 1 wanted: ${why}`)
  }
  within(`${path}.joinOver`, profile.joinOver)
  profile.faults.forEach(({ fault, perDay, at, amount }, i) => {
    const key = `${path}.faults[${i}]`
    if ((perDay === undefined) === (at === undefined)) {
      problems.add(key, `${at === undefined ? 'neither' : 'both'} perDay and at given, one of them wanted`)
    }
    within(`${key}.at`, at)
    const wantsAmount = withAmount.includes(fault)
    if (wantsAmount && amount === 0) problems.add(`${key}.amount`, `0 given, how much wanted with ${fault}`)
    if (!wantsAmount && amount !== 0) problems.add(`${key}.amount`, `${amount} given, nothing wanted with ${fault}`)
  })
}

/** Why a report of the profile holds one sample; null: it may hold more. */
function batchProblem({ format, clock, sequence, sampleEvery }: FileProfile): string | null {
  if (ofOneSample.includes(format)) return `format ${format} holds one sample`
  if (format === 'csv' && sequence) return 'with sequence each line of csv is a report'
  if (clock === 'none') return 'without a clock nobody could tell the samples of a report apart'
  if ((format === 'packed' || format === 'struct') && (inMs(sampleEvery) ?? 0) % 1000 !== 0) {
    return `format ${format} counts whole seconds between samples`
  }
  return null
}

function checkConcerned(
  incident: Sound<FileIncident>,
  path: string,
  profiles: FileProfile[],
  problems: Problems,
): void {
  const key = incident.kind === undefined ? null : concernKeys[incident.kind]
  if (key === null) return
  const given = (incident as { [name in typeof key]?: Array<string | undefined> })[key] ?? []
  const known = {
    gateways: profiles.flatMap(gatewaysOf),
    sites: profiles.map(({ site }) => site),
    profiles: profiles.map(({ name }) => name),
  }[key]
  given.forEach((name, i) => {
    if (name === undefined || known.includes(name)) return
    const near = nearest(name, known)
    const wanted =
      known.length === 0 ? 'none has any' : near === null ? `known are ${shown(known)}` : `did you mean "${near}"?`
    problems.add(`${path}.${key}[${i}]`, `"${name}" given, one of the ${key} of the profiles wanted, ${wanted}`)
  })
}

function gatewaysOf({ name, count, perGateway }: FileProfile): string[] {
  if (perGateway === 0) return []
  const gateways = Math.ceil(count / perGateway)
  return Array.from({ length: gateways }, (_, i) => gatewayOf({ name, perGateway }, i * perGateway) as string)
}

const namesShownMax = 10
const shown = (names: string[]) =>
  [...names.slice(0, namesShownMax), ...(names.length > namesShownMax ? ['...'] : [])].join(', ')
