import { expect, test } from 'vitest'
import type { SurveyEvent } from '../truth/reader.ts'
import { createAlertCheck } from './alerts.ts'
import { createFaults } from './faults.ts'

const minute = 60_000
const withinMs = 10 * minute
const endMs = 300 * minute

const devices: SurveyEvent[] = [0, 1, 2].map((device) => {
  const name = `d-${device}`
  const about = { site: 'here', device: name, clientId: name, profile: 'p', gateway: null, quantities: [] }
  return { type: 'device', device, about }
})
const dead = (device: number, atMs: number): SurveyEvent => ({
  type: 'state',
  device,
  atMs,
  state: 'dead',
  untilMs: null,
})
const awake = (device: number, atMs: number): SurveyEvent => ({ ...dead(device, atMs), state: 'awake' }) as SurveyEvent
const asleep = (device: number, atMs: number, untilMs: number): SurveyEvent =>
  ({ ...dead(device, atMs), state: 'asleep', untilMs }) as SurveyEvent
const outage = (phase: 'begin' | 'end', atMs: number): SurveyEvent => ({
  type: 'incident',
  id: 7,
  atMs,
  phase,
  kind: 'gateway',
  devices: [0, 1, 2],
  detail: '',
})
const alert = (device: string, atMs: number, state = 'offline'): SurveyEvent => {
  const payload = state === '' ? '' : JSON.stringify({ alert: 'offline', state })
  return { type: 'alert', atMs, topic: `alerts/here${device}`, payload }
}

function check(...events: SurveyEvent[]) {
  const alerts = createAlertCheck(withinMs)
  const faults = createFaults()
  for (const event of [...devices, ...events]) alerts.take(event)
  const summary = alerts.finish(endMs, faults)
  return { summary, faults: faults.examples().map(({ kind, device, given }) => `${kind} ${device}: ${given}`) }
}

test('alerts are right when a device is dead and was told in time', () => {
  const { summary, faults } = check(dead(1, minute), alert('/d-1', 5 * minute))
  expect(faults).toEqual([])
  expect(summary).toEqual({ heard: 1, troubles: 1, false: 0, late: 0, missing: 0 })
})

test('an alert is false when nothing was wrong with its device', () => {
  const { faults } = check(dead(1, minute), alert('/d-1', 5 * minute), alert('/d-2', 6 * minute))
  expect(faults).toEqual(['false_alert d-2: {"alert":"offline","state":"offline"}'])
})

test('an alert is false when the trouble is long over', () => {
  expect(check(dead(1, minute), awake(1, 2 * minute), alert('/d-1', 11 * minute)).faults).toEqual([])
  expect(check(dead(1, minute), awake(1, 2 * minute), alert('/d-1', 13 * minute)).faults).toHaveLength(1)
})

test('an alert is no false one when a report of the device does not get through', () => {
  const waiting: SurveyEvent = { type: 'brief', device: 2, nth: 0, atMs: minute, samples: 1 }
  const through: SurveyEvent = { type: 'acknowledged', device: 2, nth: 0, atMs: 2 * minute }
  expect(check(waiting, alert('/d-2', 5 * minute)).faults).toEqual([])
  expect(check(waiting, through, alert('/d-2', 5 * minute)).faults).toHaveLength(1)
})

test('an alert is missing when a device is dead for long', () => {
  expect(check(dead(1, minute)).faults).toEqual(['missing_alert d-1: none'])
  expect(check(dead(1, endMs - minute)).faults).toEqual([])
  expect(check(dead(1, minute), awake(1, 5 * minute)).faults).toEqual([])
})

test('an alert is late when it comes behind the bound', () => {
  expect(check(dead(1, minute), alert('/d-1', 12 * minute)).faults).toEqual(['late_alert d-1: after 660 s'])
})

test('an alert counts from when the device meant to wake when it died asleep', () => {
  const sleeper = [asleep(1, minute, 61 * minute), dead(1, 2 * minute)]
  expect(check(...sleeper, alert('/d-1', 70 * minute)).faults).toEqual([])
  expect(check(...sleeper, alert('/d-1', 72 * minute)).faults).toHaveLength(1)
})

test('one alert is enough when an incident concerns many devices, and more are counted', () => {
  const one = check(outage('begin', minute), alert('/d-1', 5 * minute), outage('end', 60 * minute))
  expect(one.faults).toEqual([])
  const each = ['/d-0', '/d-1', '/d-2'].map((device) => alert(device, 5 * minute))
  const all = check(outage('begin', minute), ...each, outage('end', 60 * minute))
  expect(all).toEqual({ faults: [], summary: { heard: 3, troubles: 1, false: 0, late: 0, missing: 0 } })
  expect(check(outage('begin', minute), outage('end', 60 * minute)).faults).toEqual(['missing_alert d-0: none'])
})

test('an alert speaks for its site when it names none of the devices', () => {
  expect(check(outage('begin', minute), alert('/gateway-4', 5 * minute), outage('end', 60 * minute)).faults).toEqual([])
  expect(check(alert('/gateway-4', 5 * minute)).faults).toHaveLength(1)
})

test('the end of an alert is none, and neither is one of devices that are not ours', () => {
  const foreign: SurveyEvent = { type: 'alert', atMs: minute, topic: 'alerts/elsewhere/d-1', payload: '{}' }
  expect(check(alert('/d-1', minute, 'online'), alert('/d-1', minute, ''), foreign).summary.heard).toBe(0)
})
