import { expect, test } from 'vitest'
import { formats, type Profile } from '../profile.ts'
import { createWire, routesOf } from './format.ts'
import { caption, testProfile, tips, voltage } from './rig.ts'

const wireOf = (changes: Partial<Profile>, quantities = [voltage]) =>
  createWire({ ...testProfile, ...changes }, quantities)

test('value keeps the default topics, one for each channel', () => {
  expect(wireOf({ format: 'value' }, [voltage, tips]).topics).toEqual([
    'sensors/{site}/{device}/voltage',
    'sensors/{site}/{device}/rainfall',
  ])
})

test.each(['packed', 'struct'] as const)('%s rounds to whole multiples of the resolution, within 32 bits', (format) => {
  const { said, raw } = wireOf({ format })
  expect(said(3.0004, 0)).toBe(3)
  expect(raw(3.007, 0)).toBe(3007)
  expect(said(1e12, 0)).toBe((2 ** 31 - 1) / 1000)
})

test('cayenne-lpp rounds to hundredths, and ends where its numbers do', () => {
  const { said } = wireOf({ format: 'cayenne-lpp' })
  expect(said(3.127, 0)).toBe(3.13)
  expect(said(-0.001, 0)).toBe(0)
  expect(said(65_535, 0)).toBe(327.67)
})

test('nothing is said of a measurement that failed', () => {
  for (const format of ['json', 'packed', 'cayenne-lpp'] as const) {
    expect(wireOf({ format }).said(Number.NaN, 0)).toBeNull()
  }
  expect(wireOf({ format: 'text' }, [caption]).said('', 0)).toBeNull()
  expect(wireOf({ format: 'json' }).said(undefined, 0)).toBeNull()
})

test('a profile whose format can say nothing of it is refused', () => {
  expect(() => wireOf({ format: 'packed' }, [caption])).toThrow('profile test: format packed cannot say caption')
  expect(() => wireOf({ format: 'text' }, [voltage, tips])).toThrow('voltage, rainfall')
})

test('who cannot tell the time makes no batches', () => {
  for (const format of formats) {
    const quantity = format === 'text' ? caption : voltage
    expect(wireOf({ format, clock: 'none', batch: 10 }, [quantity]).layout.samplesMax).toBe(1)
  }
})

test('two profiles that say different things on one topic are refused', () => {
  const profiles = ['a', 'b'].map((name): Profile => ({ ...testProfile, name, format: 'value' }))
  expect(routesOf(profiles, () => [voltage]).match(/"topic":/g)).toHaveLength(1)
  expect(() => routesOf(profiles, ({ name }) => [{ ...voltage, unit: name === 'a' ? 'V' : 'mV' }])).toThrow(
    'profiles a and b: both publish to sensors/{site}/{device}/voltage, differently',
  )
})
