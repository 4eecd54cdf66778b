/** Which channels tell of a device's own health, by name and unit. */
import { convert } from '../../telemetry/units.ts'

export type Role = 'volts' | 'percent' | 'rssi' | 'snr' | 'celsius'

const battery = /(^|[._-])(v?bat(t|tery)?|battery[_-]?(voltage|level|percent)|voltage|supply)$/i
const rssi = /(^|[._-])(rssi|signal)([_-]?dbm)?$/i
const snr = /(^|[._-])snr([_-]?db)?$/i
const temperature = /(^|[._-])(temp|temperature)([_-]?c)?$/i

/** In the unit of its role; null: the channel tells nothing of health, or not in a unit that is understood. Without a unit: as usual. */
export function healthValue(channel: string, unit: string, value: number): { role: Role; value: number } | null {
  const as = (role: Role, wanted: string) => {
    const converted = unit === '' ? value : convert(value, unit, wanted)
    return converted === null ? null : { role, value: converted }
  }
  if (battery.test(channel)) {
    if (unit === '%' || unit === '%EL') return { role: 'percent', value }
    const volts = as('volts', 'V')
    return volts !== null && volts.value >= voltsMin && volts.value <= voltsMax ? volts : null
  }
  if (rssi.test(channel)) return as('rssi', 'dBm')
  if (snr.test(channel)) return unit === 'dB' || unit === '' ? { role: 'snr', value } : null
  return temperature.test(channel) ? as('celsius', 'Cel') : null
}

/** Beyond them it is no battery of a sensor, or no voltage. */
const voltsMin = 0.5
const voltsMax = 60
