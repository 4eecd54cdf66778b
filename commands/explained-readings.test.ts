import { expect, test } from 'vitest'
import { explainReadings } from './explained-readings.ts'

const receivedAtMs = 1_700_000_000_000

test('explainReadings tells whose time it is when nothing stands beside the reading', () => {
  const lines = ['rainfall,device=d value=0.2 1700000000000000017', 'weather,device=d hum=40i 1600000000000000000']
  expect(explainReadings(lines, receivedAtMs)).toEqual([
    {
      ...{ channel: 'rainfall', value: '0.2', time: '2023-11-14T22:13:20.000000017Z' },
      ...{ timeFrom: 'when it arrived', timeUncertaintyMs: null },
    },
    {
      ...{ channel: 'weather.hum', value: '40i', time: '2020-09-13T12:26:40.000000000Z' },
      ...{ timeFrom: 'as the device says', timeUncertaintyMs: null },
    },
  ])
})

test('explainReadings takes quality and uncertainty to the reading of their series and time', () => {
  const lines = [
    'rainfall,device=d value=1 1600000000000000000',
    'rainfall,device=d time_quality="uptime" 1600000000000000000',
    'rainfall,device=d time_uncertainty_ms=250 1600000000000000000',
    'rainfall,device=e value=2 1600000000000000000',
    'rainfall,device=e time_quality="later words" 1600000000000000000',
  ]
  const [first, second, ...others] = explainReadings(lines, receivedAtMs)
  expect(first).toMatchObject({ timeFrom: 'reckoned from how long the device has been up', timeUncertaintyMs: 250 })
  expect(second).toMatchObject({ value: '2', timeFrom: 'later words', timeUncertaintyMs: null })
  expect(others).toEqual([])
})
