/** What common cells show at rest: how full one is by its voltage, as far as that can be told. */

export const cellNames = ['li-socl2-aa', 'alkaline-2aa', 'lipo-1ah', 'cr2032'] as const
export type CellName = (typeof cellNames)[number]

export type CellCurve = {
  title: string
  /** From full to empty in equal steps of what is usable. */
  openCircuitVolts: readonly number[]
  /** Above this the voltage tells nothing of the charge; null: it always does. */
  flatAboveVolts: number | null
  isRechargeable: boolean
}

export const cellCurves: { [name in CellName]: CellCurve } = {
  // Flat until the end (Tadiran, Saft LS).
  'li-socl2-aa': {
    title: 'Li-SOCl2',
    openCircuitVolts: [3.67, 3.67, 3.67, 3.66, 3.66, 3.65, 3.65, 3.64, 3.62, 3.58, 3.3],
    flatAboveVolts: 3.62,
    isRechargeable: false,
  },
  // A node that ran on two cells until they were empty, under some 190 µA (ricaun/LoRaNow-18-months).
  'alkaline-2aa': {
    title: '2 × AA alkaline',
    openCircuitVolts: [2.99, 2.92, 2.87, 2.82, 2.75, 2.71, 2.67, 2.63, 2.57, 2.48, 2.16],
    flatAboveVolts: null,
    isRechargeable: false,
  },
  // Meshtastic src/power.h.
  'lipo-1ah': {
    title: 'LiPo',
    openCircuitVolts: [4.19, 4.05, 3.99, 3.89, 3.8, 3.72, 3.63, 3.53, 3.42, 3.3, 3.1],
    flatAboveVolts: null,
    isRechargeable: true,
  },
  // TI SWRA349.
  cr2032: {
    title: 'CR2032',
    openCircuitVolts: [3.1, 3.0, 2.98, 2.97, 2.96, 2.95, 2.94, 2.92, 2.88, 2.8, 2.4],
    flatAboveVolts: 2.88,
    isRechargeable: false,
  },
}

/** 0 to 1; null: its voltage does not tell. */
export function chargeOf({ openCircuitVolts: curve, flatAboveVolts }: CellCurve, volts: number): number | null {
  if (flatAboveVolts !== null && volts > flatAboveVolts) return null
  const below = curve.findIndex((at) => at <= volts)
  if (below === 0) return 1
  if (below === -1) return 0
  const [from, to] = [curve[below - 1] as number, curve[below] as number]
  return 1 - (below - (volts - to) / (from - to)) / (curve.length - 1)
}
