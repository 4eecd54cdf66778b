/** What cells hold and deliver, each figure with its source; [estimate] where none was found. */
import { type CellCurve, cellCurves } from '../../telemetry/cells.ts'
import type { CellName } from '../profile.ts'
import type { Radio } from './radios.ts'

export type Cell = Pick<CellCurve, 'openCircuitVolts' | 'isRechargeable'> & {
  title: string
  milliAmpHours: number
  /** Mean over its life. */
  nominalVolts: number
  /** Part of the capacity that comes out above `voltsMin`, as common models of battery life take it [estimate]. */
  usable: number
  /** Lost without any use, part of the capacity. */
  selfDischargePerYear: number
  shelfYears: number
  voltsMin: number
  /** Full and at 20 °C; what it has grown to when empty, as a factor; and for each 20 degrees colder, as another. */
  ohms: number
  ohmsEmptyFactor: number
  ohmsColdFactor: number
}

/** null: mains, which never ends. */
export const cells: { [name in CellName]: Cell | null } = {
  // 3.67 V open, flat (Tadiran); 2.4 Ah, less than 1 % a year (Saft LS). Bobbin cells deliver 50 to 150 mA at most: the
  // resistance is that of one with a pulse capacitor beside it [estimate], as every design with a modem has.
  'li-socl2-aa': {
    ...cellCurves['li-socl2-aa'],
    title: 'AA Li-SOCl2 with pulse capacitor, 2.4 Ah',
    milliAmpHours: 2400,
    nominalVolts: 3.6,
    usable: 0.85,
    selfDischargePerYear: 0.01,
    shelfYears: 10,
    voltsMin: 2,
    ohms: 0.5,
    ohmsEmptyFactor: 3,
    ohmsColdFactor: 2,
  },
  // The voltage is that of a node that ran on two cells until they were empty (ricaun/LoRaNow-18-months): under some 190 µA it is
  // the open one. 3 % a year, resistance [estimate].
  'alkaline-2aa': {
    ...cellCurves['alkaline-2aa'],
    title: '2 × AA alkaline, 2.5 Ah',
    milliAmpHours: 2500,
    nominalVolts: 2.71,
    usable: 1,
    selfDischargePerYear: 0.03,
    shelfYears: 10,
    voltsMin: 2,
    ohms: 0.3,
    ohmsEmptyFactor: 5,
    ohmsColdFactor: 2,
  },
  // Voltages: Meshtastic src/power.h. 2 % a month, resistance, three years of calendar [estimate].
  'lipo-1ah': {
    ...cellCurves['lipo-1ah'],
    title: 'LiPo, 1 Ah',
    milliAmpHours: 1000,
    nominalVolts: 3.7,
    usable: 0.9,
    selfDischargePerYear: 0.24,
    shelfYears: 3,
    voltsMin: 3.1,
    ohms: 0.15,
    ohmsEmptyFactor: 3,
    ohmsColdFactor: 2,
  },
  // 220 to 235 mAh to 2.0 V, about 1 % a year, 10 to 40 Ω (TI SWRA349); ten years at most (Ganssle).
  cr2032: {
    ...cellCurves.cr2032,
    title: 'CR2032, 225 mAh',
    milliAmpHours: 225,
    nominalVolts: 3,
    usable: 0.8,
    selfDischargePerYear: 0.01,
    shelfYears: 10,
    voltsMin: 2,
    ohms: 10,
    ohmsEmptyFactor: 4,
    ohmsColdFactor: 2,
  },
  mains: null,
}

const capacityMilliWattHours = ({ milliAmpHours, nominalVolts }: Cell) => milliAmpHours * nominalVolts

/** 1 mWh. */
export const milliJoulesPerMilliWattHour = 3600
export const usableMilliJoules = (cell: Cell): number =>
  capacityMilliWattHours(cell) * cell.usable * milliJoulesPerMilliWattHour
export const selfDischargeMilliWatts = (cell: Cell): number =>
  (capacityMilliWattHours(cell) * cell.selfDischargePerYear) / (365 * 24)

/** @param charge what is left of the usable energy, 0 to 1 */
export function openCircuitVolts({ openCircuitVolts: curve }: Cell, charge: number): number {
  const at = (1 - Math.min(1, Math.max(0, charge))) * (curve.length - 1)
  const before = Math.min(curve.length - 2, Math.floor(at))
  const [from, to] = [curve[before] as number, curve[before + 1] as number]
  return from + (to - from) * (at - before)
}

/** Grows with the square of what was taken, and with cold. */
export function resistanceOhms(cell: Cell, charge: number, celsius = 20): number {
  const taken = 1 - Math.min(1, Math.max(0, charge))
  return (
    cell.ohms * (1 + (cell.ohmsEmptyFactor - 1) * taken ** 2) * cell.ohmsColdFactor ** (Math.max(0, 20 - celsius) / 20)
  )
}

export const loadedVolts = (cell: Cell, charge: number, milliAmps: number, celsius = 20): number =>
  openCircuitVolts(cell, charge) - (milliAmps / 1000) * resistanceOhms(cell, charge, celsius)

/** Below it a device with this cell and radio starts again at each transmission. */
export const brownOutVolts = (cell: Cell, radio: Radio): number => Math.max(cell.voltsMin, radio.voltsMin)

/** A cell that feeds the radio until so little is left counts as one that can. */
const chargeToDeliver = 0.2

/** Why the cell cannot feed the radio for most of its life; null: it can. */
export function deliveryProblem(cell: Cell | null, radio: Radio, celsius = 20): string | null {
  if (cell === null) return null
  const volts = loadedVolts(cell, chargeToDeliver, radio.peakMilliAmps, celsius)
  const voltsMin = brownOutVolts(cell, radio)
  if (volts >= voltsMin) return null
  return `${cell.title} sags to ${Math.max(0, volts).toFixed(1)} V under ${radio.peakMilliAmps} mA at ${celsius} °C with ${100 * chargeToDeliver} % left, ${voltsMin.toFixed(1)} V wanted`
}
