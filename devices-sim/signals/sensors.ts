/** The sensors of one simulated device, by the names of its profile, with the faults that it is to have. */
import type { Profile, SensorName } from '../profile.ts'
import { createRandom, type Random } from '../random.ts'
import type { Quantity, Sensor } from '../sensor.ts'
import { createCaptions } from './captions.ts'
import { isSensorFault, withFaults } from './faults.ts'
import { createLab } from './lab.ts'
import { createPosition } from './position.ts'
import { createPulse } from './pulse.ts'
import { createRain, createRainCounter } from './rain.ts'
import { createSatellite } from './satellite.ts'
import { createVoltage } from './voltage.ts'

type Volts = (nowMs: number) => number | null
type Create = (random: Random, startMs: number, site: string, volts: Volts) => Sensor

const creators: { [Name in SensorName]: Create } = {
  rain: (random, startMs, site) => createRain(site, random, startMs),
  'rain-counter': (random, startMs, site) => createRainCounter(site, random, startMs),
  pulse: (random, startMs) => createPulse(random, startMs),
  voltage: (random, _startMs, _site, volts) => createVoltage(volts, random),
  satellite: (random, startMs) => createSatellite(random, startMs),
  position: (random, startMs, site) => createPosition(site, random, startMs),
  captions: (random, startMs) => createCaptions(random, startMs),
  lab: (random, startMs) => createLab(random, startMs),
}

/**
 * In the order of `profile.sensors`; each draws of a seed of its own, so that one changes nothing of another. `startMs`: of the run, also
 * for a device that joins later. `volts`: of its cell, null with mains.
 */
export function createSensors(profile: Profile, random: Random, startMs: number, volts: Volts): Sensor[] {
  const own = () => createRandom(random.below(2 ** 32))
  const plans = profile.faults.filter(isSensorFault).filter(({ share }) => random.fraction() < share)
  return profile.sensors.map((name) =>
    withFaults(creators[name](own(), startMs, profile.site, volts), plans, own(), startMs),
  )
}

/** What a profile's devices measure. */
export const quantitiesOf = (profile: Profile): Quantity[] =>
  createSensors(profile, createRandom(0), 0, () => null).flatMap((sensor) => sensor.quantities)
