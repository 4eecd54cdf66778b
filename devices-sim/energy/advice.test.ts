import { expect, test } from 'vitest'
import { formats, type Profile, sensorNames } from '../profile.ts'
import { advise, billOf, designOf, otherCells } from './advice.ts'
import { profileOf } from './design.ts'
import { loraAirS } from './frames.ts'
import { asSent, typicalLoad } from './typical-load.ts'

const adviceOf = (changes: Partial<Profile>) => advise(designOf(profileOf(changes)))

test('advice says batch of 60: ×21 when an ESP32 wakes each minute', () => {
  const [best] = adviceOf({ radio: 'esp32-wifi', cell: 'lipo-1ah', connection: 'wake', qos: 0, tls: 'none' })
  expect(best?.change).toBe('batch of 60')
  expect(Math.round(best?.lifeGain ?? 0)).toBe(21)
})

test('advice is sorted by gain, and brings something in every line', () => {
  for (const radio of ['lte-m', 'nb-iot', 'lora-backhaul', 'mains'] as const) {
    const gains = adviceOf({ radio, cell: radio === 'mains' ? 'mains' : 'li-socl2-aa' })
    expect(gains.length).toBeGreaterThan(0)
    gains.slice(1).forEach(({ lifeGain }, i) => {
      expect(lifeGain).toBeLessThanOrEqual(gains[i]?.lifeGain as number)
    })
    for (const { lifeGain, bytesGain } of gains) expect(Math.max(lifeGain, bytesGain)).toBeGreaterThanOrEqual(1.01)
  }
})

test('advice joins batch and keepalive when pings would wake the radio between reports all the same', () => {
  const gain = (change: string) => adviceOf({}).find((it) => it.change === change)?.lifeGain ?? 0
  expect(gain('batch of 60')).toBeLessThan(1.1)
  expect(gain('batch of 60, keepalive 1200 s')).toBeGreaterThan(10)
})

test('advice names no change that the design has already', () => {
  const changes = adviceOf({ batch: 60, keepAliveS: 0, qos: 0, tls: 'none', format: 'packed', boardUa: 0 })
  expect(changes.map(({ change }) => change)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/batch|keepalive|QoS|TLS|packed|board/)]),
  )
})

test('other cells are those that can feed the radio', () => {
  const names = (radio: Profile['radio']) => otherCells(designOf(profileOf({ radio }))).map(({ cell }) => cell)
  expect(names('esp32-wifi')).toEqual(['lipo-1ah'])
  expect(names('ble-gateway')).toContain('cr2032')
  expect(names('mains')).toEqual([])
})

test('a message that holds one time is sent for each sample, whatever the batch', () => {
  const [one, sixty] = [1, 60].map((batch) => billOf(designOf(profileOf({ format: 'value', batch }))))
  expect(sixty).toEqual(one)
})

test('every format has a length for every set of sensors', () => {
  for (const format of formats) {
    for (const sensor of sensorNames) {
      const { payloadBytes, messages } = typicalLoad(asSent(profileOf({ format, sensors: [sensor], batch: 60 })))
      expect(payloadBytes * messages, `${format} ${sensor}`).toBeGreaterThan(0)
    }
  }
})

test('time on the air is that of AN1200.13', () => {
  expect([7, 10, 12].map((spreading) => Math.round(loraAirS(spreading, 12) * 1000))).toEqual([62, 412, 1483])
  expect([7, 12].map((spreading) => Math.round(loraAirS(spreading, 51) * 1000))).toEqual([118, 2793])
})
