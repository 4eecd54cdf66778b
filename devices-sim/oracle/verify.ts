/**
 * The oracle: the truth of a run against what a store holds and the alerts that were heard. The truth is read once in brief, then for as
 * many devices at a time as memory has room for; so memory is that of some devices, whatever the run.
 */
import { type DeviceName, deviceKey } from '../../telemetry/device.ts'
import { readTruth, readTruthHead, type TruthProblem } from '../truth/reader.ts'
import type { TruthDevice, TruthHead } from '../truth/truth.ts'
import { checkChannel } from './channel.ts'
import { addAt, addDelay, createDelays, createStretches, type Delays, type Stretches } from './delays.ts'
import { createDeviceTruth, type DeviceTruth } from './device-truth.ts'
import { createFaults, type Faults } from './faults.ts'
import type { Rows } from './match.ts'
import type { Result } from './result.ts'
import type { Stored } from './stored.ts'
import { groupsOf, readSurvey, type Survey } from './survey.ts'
import { slackMsDefault } from './window.ts'

export type VerifyOptions = {
  /** The truth of a run. */
  path: string
  stored: Stored
  /** Within how long trouble must have made an alert; null: alerts are not checked. */
  alertWithinMs: number | null
  /** How far the clocks of store and simulator may be apart (window.ts). */
  slackMs?: number
  /** Devices done, and all. */
  onProgress?: (done: number, all: number) => void
}

const problemsKept = 20

/** Rejects with what the disk or the store says, or when the file is no truth. */
export async function verify(options: VerifyOptions): Promise<Result> {
  const { path, stored, alertWithinMs, slackMs = slackMsDefault, onProgress } = options
  const head = await readTruthHead(path)
  if ('problem' in head) throw new Error(`${path}, line 1: ${head.problem}`)
  const faults = createFaults()
  const problems: TruthProblem[] = []
  const unreadable = new Set<number>()
  const onProblem = (problem: TruthProblem) => {
    // Another reading of the file tells it again.
    if (unreadable.has(problem.line)) return
    if (!problem.isTorn) unreadable.add(problem.line)
    else if (problems.some((it) => it.isTorn)) return
    if (problem.isTorn || problems.length < problemsKept) problems.push(problem)
  }

  const survey = await readSurvey(path, head, alertWithinMs, faults, onProblem)
  const tally = createTally(head, survey)
  const { devices } = survey
  let done = 0
  for (const group of groupsOf(survey)) {
    const truths = new Map<string, DeviceTruth>()
    const numbers = new Set(group)
    for (const number of group) {
      const key = deviceKey(devices.get(number) as TruthDevice)
      if (!truths.has(key)) truths.set(key, createDeviceTruth())
    }
    for await (const event of readTruth(path, { onProblem, wants: (device) => numbers.has(device) })) {
      if (!('device' in event) || !numbers.has(event.device)) continue
      const about = devices.get(event.device) as TruthDevice
      truths.get(deviceKey(about))?.take(event, about.quantities, about.profile)
    }
    for (const [key, truth] of truths) {
      const [site = '', device = ''] = key.split('/')
      await checkDevice({ site, device }, truth, stored, { head, survey, slackMs, faults, tally })
      truths.delete(key)
      onProgress?.(++done, devices.size)
    }
  }
  const first = problems.find((it) => !it.isTorn)
  if (first !== undefined) {
    const told = { given: `line ${first.line}: ${first.problem}`, wanted: 'whole lines' }
    const place = { site: '', device: path, channel: null, timeMs: head.startedAtMs }
    faults.add({ kind: 'unreadable', ...place, ...told }, unreadable.size)
  }
  return {
    head,
    hasEnded: survey.hasEnded,
    endMs: survey.endMs,
    devices: devices.size,
    reports: survey.reports,
    ...tally,
    profiles: [...tally.profiles].map(([profile, delays]) => ({ profile, delays })),
    alerts: survey.alerts,
    problems,
    faults: faults.counts(),
    examples: faults.examples(),
    worstDevices: faults.devices(),
  }
}

type Tally = Pick<Result, 'readings' | 'rows' | 'olderRows' | 'fates' | 'quarantine'> & {
  profiles: Map<string, Delays>
  stretches: Stretches
}

const createTally = (head: TruthHead, { endMs }: Survey): Tally => ({
  readings: 0,
  rows: 0,
  olderRows: 0,
  fates: { acknowledged: 0, dropped: 0, open: 0, quarantined: 0 },
  quarantine: { expected: 0, found: null },
  profiles: new Map(),
  stretches: createStretches(head.startedAtMs, endMs),
})

type Frame = { head: TruthHead; survey: Survey; slackMs: number; faults: Faults; tally: Tally }

async function checkDevice(name: DeviceName, truth: DeviceTruth, stored: Stored, frame: Frame): Promise<void> {
  const { head, survey, slackMs, faults, tally } = frame
  const { stretches } = tally
  const fates = truth.fates()
  for (const fate of Object.keys(fates) as Array<keyof typeof fates>) {
    tally.fates[fate] += fates[fate]
    tally.readings += fates[fate]
  }
  for (const channel of new Set([...truth.channels(), ...(await stored.channels(name))])) {
    const rows: Rows = { timeMs: [], values: [] }
    for await (const some of stored.rows(name, channel)) {
      for (const { timeMs, value } of some) {
        rows.timeMs.push(timeMs)
        rows.values.push(value)
        addAt(stretches, stretches.stored, timeMs)
      }
    }
    tally.rows += rows.values.length
    const gathered = truth.channels().includes(channel)
      ? truth.gather(channel, survey.endMs, slackMs)
      : emptyChannel(channel)
    for (const [i, { profile, ackedMs }] of gathered.reports.entries()) {
      if (ackedMs === null) continue
      const takenMs = gathered.takenMs[i] as number
      addAt(stretches, stretches.expected, takenMs)
      let delays = tally.profiles.get(profile)
      if (delays === undefined) {
        delays = createDelays()
        tally.profiles.set(profile, delays)
      }
      addDelay(delays, ackedMs - takenMs)
    }
    const tell = (fault: Omit<Parameters<Faults['add']>[0], 'site' | 'device' | 'channel'>) =>
      faults.add({ ...name, channel, ...fault })
    tally.olderRows += checkChannel(gathered, rows, head.startedAtMs - slackMs, tell).older
  }
  await checkQuarantine(name, truth.quarantinedReports(), stored, frame)
}

/** Reports are counted only: which message is which the quarantine does not say, and one sent twice may stand there twice. */
async function checkQuarantine(name: DeviceName, expected: number, stored: Stored, frame: Frame): Promise<void> {
  const { quarantine } = frame.tally
  quarantine.expected += expected
  if (stored.quarantined === undefined) return
  const found = await stored.quarantined(name)
  quarantine.found = (quarantine.found ?? 0) + found
  if (found >= expected) return
  const told = { given: `${found} messages`, wanted: `at least ${expected}` }
  const timeMs = frame.head.startedAtMs
  frame.faults.add({ kind: 'not_quarantined', ...name, channel: null, timeMs, ...told }, expected - found)
}

const emptyChannel = (channel: string): ReturnType<DeviceTruth['gather']> => ({
  quantity: { channel, unit: '', resolution: null, kind: 'text' },
  takenMs: [],
  reports: [],
  boots: [],
  readings: { loMs: new Float64Array(), hiMs: new Float64Array(), values: [], isMust: new Uint8Array() },
})
