import { expect, test } from 'vitest'
import { createVirtualClock } from '../sim-clock.ts'
import type { TruthEvent } from '../truth/truth.ts'
import { type IncidentTarget, startIncidents } from './incidents.ts'
import { gatewayOf, type Incident } from './scenario.ts'

const startMs = 1_700_000_000_000

/** Four gauges behind two gateways at site a, two vans at site b. */
function members() {
  const gauge = { name: 'gauge', perGateway: 2 }
  const gauges = [0, 1, 2, 3].map((i) => ({
    name: { site: 'a', device: `g-${i}` },
    profile: gauge,
    gateway: gatewayOf(gauge, i),
  }))
  const vans = [0, 1].map((i) => ({ name: { site: 'b', device: `v-${i}` }, profile: { name: 'van' }, gateway: null }))
  return [...gauges, ...vans]
}

function play(incidents: Incident[]) {
  const clock = createVirtualClock(startMs)
  const done: string[] = []
  const truth: TruthEvent[] = []
  const note = (what: string) => done.push(`${(clock.nowMs() - startMs) / 1000} ${what}`)
  const target: IncidentTarget = {
    cut: (devices) => note(`cut ${devices}`),
    heal: (devices) => note(`heal ${devices}`),
    stopServer: () => note('stop'),
    startServer: () => note('start'),
  }
  const end = startIncidents({
    scenario: { incidents },
    clock,
    startMs,
    truth: { write: (event) => truth.push(event) },
    target,
    members: members(),
  })
  const told = () =>
    truth.map((it) => (it.type === 'incident' ? `${it.id} ${it.phase} ${it.kind} ${it.devices} ${it.detail}` : it.type))
  return { done, truth, told, end, runUntil: (s: number) => clock.runUntil(startMs + s * 1000), next: clock.nextMs }
}

test.each<[Incident['kind'], string[], string, string]>([
  ['gateway-outage', ['gauge-gateway-2'], '2,3', 'gauge-gateway-2'],
  ['site-outage', ['b'], '4,5', 'b'],
  ['network-outage', ['gauge', 'van'], '0,1,2,3,4,5', 'gauge, van'],
])('%s cuts the devices that it concerns and heals them when its time is over', (kind, of, devices, detail) => {
  const { done, told, runUntil, truth, next } = play([{ kind, of, atS: 60, lastsS: 30 }])
  runUntil(59)
  expect(done).toEqual([])
  runUntil(1000)
  expect(done).toEqual([`60 cut ${devices}`, `90 heal ${devices}`])
  expect(told()).toEqual([`0 begin ${kind} ${devices} ${detail}`, `0 end ${kind} ${devices} ${detail}`])
  expect(truth.map((it) => ('atMs' in it ? it.atMs - startMs : null))).toEqual([60_000, 90_000])
  expect(next()).toBeNull()
})

test('server-outage stops and starts the server, and concerns all devices, when its time has come', () => {
  const { done, told, runUntil } = play([{ kind: 'server-outage', of: [], atS: 0, lastsS: 5 }])
  runUntil(10)
  expect(done).toEqual(['0 stop', '5 start'])
  expect(told()).toEqual(['0 begin server-outage 0,1,2,3,4,5 ', '0 end server-outage 0,1,2,3,4,5 '])
})

test('a device is healed with the last of its incidents when they overlap', () => {
  const { done, runUntil } = play([
    { kind: 'site-outage', of: ['a'], atS: 10, lastsS: 20 },
    { kind: 'gateway-outage', of: ['gauge-gateway-1'], atS: 20, lastsS: 20 },
    { kind: 'server-outage', of: [], atS: 10, lastsS: 10 },
    { kind: 'server-outage', of: [], atS: 15, lastsS: 10 },
  ])
  runUntil(100)
  expect(done).toEqual(['10 cut 0,1,2,3', '10 stop', '25 start', '30 heal 2,3', '40 heal 0,1'])
})

test('startIncidents mends what is broken and begins nothing more when the run ends before', () => {
  const { done, told, runUntil, end, next } = play([
    { kind: 'site-outage', of: ['b'], atS: 10, lastsS: 1000 },
    { kind: 'server-outage', of: [], atS: 50, lastsS: 1 },
  ])
  runUntil(20)
  end()
  end()
  expect(next()).toBeNull()
  runUntil(2000)
  expect(done).toEqual(['10 cut 4,5', '20 heal 4,5'])
  expect(told()).toEqual(['0 begin site-outage 4,5 b', '0 end site-outage 4,5 b'])
})
