import { expect, test } from 'vitest'
import type { Devices } from './devices.ts'
import { createRoster, type ExpectedDevice } from './roster.ts'
import { createKnownDevice, type KnownDevice } from './states/known-device.ts'

const sinceMs = 1_700_000_000_000

function rosterOf(heard: string[], expected: ExpectedDevice[]) {
  const known = heard.map((key) => {
    const [site = '', device = ''] = key.split('/')
    return createKnownDevice({ site, device }, 0)
  })
  const devices = {
    all: () => known,
    find: ({ site, device }: KnownDevice) => known.find((it) => it.site === site && it.device === device),
    status: (it: KnownDevice) => it,
  } as unknown as Devices
  return createRoster(devices, () => expected, sinceMs)
}
const shown = (roster: ReturnType<typeof rosterOf>) => roster.all().map((it) => [it.site, it.device, it.state])

test('roster has expected devices as never seen when nobody has heard them at their site', () => {
  const roster = rosterOf(
    ['a/1', 'b/2'],
    [
      { site: 'a', device: '1' },
      { site: 'a', device: '2' },
    ],
  )
  expect(shown(roster)).toEqual([
    ['a', '1', 'offline'],
    ['b', '2', 'offline'],
    ['a', '2', 'never-seen'],
  ])
  expect(roster.find({ site: 'a', device: '2' })).toMatchObject({ state: 'never-seen', sinceMs, lastSeenMs: 0 })
  expect(roster.find({ site: 'a', device: '2' })?.why).toBe('it has a credential, and was not heard yet')
  expect(roster.find({ site: 'a', device: '1' })?.state).toBe('offline')
  expect(roster.find({ site: 'c', device: '2' })).toBeNull()
})

test('roster waits for a device without a site when no site has heard one of its name', () => {
  const expected = [
    { site: null, device: '1' },
    { site: null, device: '9' },
  ]
  expect(shown(rosterOf(['a/1'], expected))).toEqual([
    ['a', '1', 'offline'],
    ['', '9', 'never-seen'],
  ])
})
