/** Scenarios by name or from a file of the user's: either everything in it holds, or a StartError tells every problem at once. */
import assert from 'node:assert'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import { durationMs } from '../../telemetry/duration.ts'
import { StartError } from '../../telemetry/errors.ts'
import { check, type Sound } from '../../telemetry/settings/check.ts'
import { parse } from '../../telemetry/settings/parse.ts'
import { createProblems, nearest } from '../../telemetry/settings/problems.ts'
import type { FaultPlan, LinkProfile, Profile } from '../profile.ts'
import { linkPresets } from './defaults.ts'
import type { FileLink } from './link-schema.ts'
import type { FileProfile } from './profile-schema.ts'
import { checkRelations } from './relations.ts'
import type { Incident, Scenario } from './scenario.ts'
import { concernKeys, type FileIncident, type ScenarioFile, scenarioSchema } from './schema.ts'

/** Beside the sources; once built, this file is one folder deeper. */
const sources = new URL('../scenarios/', import.meta.url)
const folder = existsSync(sources) ? sources : new URL('../../../devices-sim/scenarios/', import.meta.url)
const ending = /\.ya?ml$/

/** Of the scenarios that come with the program, sorted. */
export const scenarioNames = (): string[] =>
  readdirSync(folder)
    .filter((name) => ending.test(name))
    .map((name) => name.replace(ending, ''))
    .toSorted()

/**
 * @param nameOrPath `rain-network`, or `my/own.yaml`
 * @throws StartError when there is none, it cannot be read, or something in it does not hold
 */
export function loadScenario(nameOrPath: string, env: NodeJS.ProcessEnv = process.env): Scenario {
  const { text, fileName } = readScenario(nameOrPath)
  return parseScenario(text, fileName, env)
}

/** The file as it stands; `fileName` as problems shall name it. @throws StartError when there is none, or it cannot be read */
export function readScenario(nameOrPath: string): { text: string; fileName: string } {
  const isPath = ending.test(nameOrPath) || /[\\/]/.test(nameOrPath)
  if (!isPath && !scenarioNames().includes(nameOrPath)) {
    const near = nearest(nameOrPath, scenarioNames())
    const hint = near === null ? 'dewpoint simulate list names them' : `did you mean "${near}"?`
    throw new StartError(`"${nameOrPath}" is no scenario, ${hint}`)
  }
  const path = isPath ? nameOrPath : fileURLToPath(new URL(`${nameOrPath}.yaml`, folder))
  try {
    return { text: readFileSync(path, 'utf8'), fileName: isPath ? nameOrPath : basename(path) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`
    throw new StartError(`${nameOrPath}: ${why}, a scenario wanted`)
  }
}

/** @throws StartError with every problem, in the order of the file: line, key, what was given, what is wanted */
export function parseScenario(text: string, fileName: string, env: NodeJS.ProcessEnv): Scenario {
  const problems = createProblems()
  const value = parse(text, env, problems)
  const file = check(scenarioSchema, value ?? new Map(), '', problems)
  if (file !== undefined) checkRelations(file as Sound<ScenarioFile>, problems)
  const found = problems.list(fileName)
  if (found.length > 0) throw new StartError(found)
  assert(Value.Check(scenarioSchema, file))
  return toScenario(file, basename(fileName).replace(ending, ''))
}

/** Only for a file that was checked: every duration can be read. */
function toScenario(file: ScenarioFile, name: string): Scenario {
  const virtual = ms(file.duration)
  const { alertsWithin, alertsPerIncident = null } = file.expect
  return {
    name,
    description: file.description,
    seed: file.seed ?? null,
    durationMs: { virtual, real: file.realDuration === undefined ? virtual : ms(file.realDuration) },
    profiles: file.profiles.map(toProfile),
    incidents: file.incidents.map(toIncident),
    expect: {
      alertWithinMs: alertsWithin === undefined ? null : ms(alertsWithin),
      alertsPerIncidentMax: alertsPerIncident,
    },
  }
}

function toProfile(file: FileProfile): Profile {
  const { sampleEvery, keepAlive, retry, acknowledgeTimeout, joinOver, radio, cell, faults, ...same } = file
  const preset = linkPresets[file.link.preset]
  return {
    ...same,
    qos: file.qos === 0 ? 0 : 1,
    sampleEveryS: seconds(sampleEvery),
    keepAliveS: seconds(keepAlive),
    retryS: seconds(retry),
    acknowledgeTimeoutS: seconds(acknowledgeTimeout),
    joinOverS: seconds(joinOver),
    radio: radio ?? preset.radio,
    cell: cell ?? preset.cell,
    link: toLink(file.link),
    faults: faults.map(toFault),
  }
}

function toLink(file: FileLink): LinkProfile {
  const { preset: _, latency, jitter, outageEvery, outageLasts, natTimeout, delayMax, ...same } = file
  return {
    ...same,
    latencyMs: ms(latency),
    jitterMs: ms(jitter),
    outageEveryS: seconds(outageEvery),
    outageLastsS: seconds(outageLasts),
    natTimeoutS: seconds(natTimeout),
    delayMsMax: ms(delayMax),
  }
}

const toFault = ({ fault, share, perDay, at, lasts, amount }: FileProfile['faults'][number]): FaultPlan => ({
  fault,
  share,
  perDay: perDay ?? null,
  atS: at === undefined ? null : seconds(at),
  lastsS: seconds(lasts),
  amount,
})

function toIncident(file: FileIncident): Incident {
  const key = concernKeys[file.kind]
  const of = key === null ? [] : (file as { [name in typeof key]?: string[] })[key]
  assert(of !== undefined)
  return { kind: file.kind, of, atS: seconds(file.at), lastsS: seconds(file.lasts) }
}

function ms(text: string): number {
  const found = durationMs(text)
  assert(found !== null)
  return found
}
const seconds = (text: string): number => ms(text) / 1000
