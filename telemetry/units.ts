/**
 * Units by the names of SenML [RFC 8428 §12.1], [RFC 8798], and the IANA registry "SenML Units" as of 2025-03-27, with what it
 * takes from one to the other. Names are case-sensitive: `S` is siemens, `s` is a second.
 */

/** value in `primary` = value * scale + offset */
type Relation = { primary: string; scale: number; offset: number }

/** One kind of quantity each. */
const primary = [
  ...[
    'm',
    'kg',
    's',
    'A',
    'K',
    'cd',
    'mol',
    'Hz',
    'rad',
    'sr',
    'N',
    'Pa',
    'J',
    'W',
    'C',
    'V',
    'F',
    'Ohm',
    'S',
    'Wb',
    'T',
  ],
  ...['H', 'lm', 'lx', 'Bq', 'Gy', 'Sv', 'kat', 'm2', 'm3', 'm/s', 'm/s2', 'm3/s', 'W/m2', 'cd/m2', 'bit', 'bit/s'],
  ...[
    'lat',
    'lon',
    'pH',
    'dB',
    'dBW',
    'count',
    '/',
    '%RH',
    '%EL',
    'EL',
    '1/s',
    'S/m',
    'VA',
    'VAs',
    'var',
    'vars',
    'J/m',
  ],
  ...['kg/m3', 'NTU'],
] as const

/**
 * In the registry of primary units too, yet another measure of what one above measures. All but Cel and B are not recommended to
 * devices, and all are in use [RFC 8428 §12.1]. `%` is, in spite of its name, a ratio from 0 to 1.
 */
const alike: { [unit: string]: readonly [primary: string, scale: number, offset?: number] } = {
  Cel: ['K', 1, 273.15],
  g: ['kg', 1 / 1000],
  l: ['m3', 1 / 1000],
  'l/s': ['m3/s', 1 / 1000],
  '%': ['/', 1],
  '1/min': ['1/s', 1 / 60],
  'beat/min': ['1/s', 1 / 60],
  beats: ['count', 1],
  Bspl: ['dB', 10],
  B: ['bit', 8],
  deg: ['rad', Math.PI / 180],
}

/** [RFC 8798 §3, table 2], and what the registry has gained since. */
const secondary: typeof alike = {
  ms: ['s', 1 / 1000],
  min: ['s', 60],
  h: ['s', 3600],
  MHz: ['Hz', 1e6],
  kW: ['W', 1000],
  kVA: ['VA', 1000],
  kvar: ['var', 1000],
  Ah: ['C', 3600],
  Wh: ['J', 3600],
  kWh: ['J', 3_600_000],
  varh: ['vars', 3600],
  kvarh: ['vars', 3_600_000],
  VAh: ['VAs', 3600],
  kVAh: ['VAs', 3_600_000],
  'Wh/km': ['J/m', 3.6],
  KiB: ['bit', 8 * 1024],
  GB: ['bit', 8e9],
  'Mbit/s': ['bit/s', 1e6],
  'B/s': ['bit/s', 8],
  'MB/s': ['bit/s', 8e6],
  mV: ['V', 1 / 1000],
  mA: ['A', 1 / 1000],
  dBm: ['dBW', 1, -30],
  'ug/m3': ['kg/m3', 1e-9],
  'mm/h': ['m/s', 1 / 3_600_000],
  'm/h': ['m/s', 1 / 3600],
  ppm: ['/', 1e-6],
  ppb: ['/', 1e-9],
  ppt: ['/', 1e-12],
  '/100': ['/', 1 / 100],
  '/1000': ['/', 1 / 1000],
  hPa: ['Pa', 100],
  mm: ['m', 1 / 1000],
  cm: ['m', 1 / 100],
  km: ['m', 1000],
  'km/h': ['m/s', 1 / 3.6],
  'mg/l': ['kg/m3', 1 / 1000],
  'ug/l': ['kg/m3', 1e-6],
  'g/l': ['kg/m3', 1],
}

const relations = new Map<string, Relation>([
  ...primary.map((unit) => [unit, { primary: unit, scale: 1, offset: 0 }] as const),
  ...[...Object.entries(alike), ...Object.entries(secondary)].map(
    ([unit, [to, scale, offset = 0]]) => [unit, { primary: to, scale, offset }] as const,
  ),
])

/** Every name that is known. */
export const unitNames: readonly string[] = [...relations.keys()]

/** to = from * scale + offset */
export type Conversion = { scale: number; offset: number }

/**
 * What makes a value in `from` one in `to`. Equal names need none and need not be known.
 * @returns null when a name is not known, or they measure different things
 */
export function conversion(from: string, to: string): Conversion | null {
  if (from === to) return { scale: 1, offset: 0 }
  const a = relations.get(from)
  const b = relations.get(to)
  if (a === undefined || b === undefined || a.primary !== b.primary) return null
  return { scale: a.scale / b.scale, offset: (a.offset - b.offset) / b.scale }
}

/**
 * The value in `to`, without the noise that the arithmetic of doubles adds: 3712 mV are 3.712 V.
 * @returns null as conversion() does
 */
export function convert(value: number, from: string, to: string): number | null {
  const found = conversion(from, to)
  if (found === null) return null
  return from === to ? value : applyConversion(value, found)
}

/** 15 digits are what every double can hold: the last one or two of the product are rounding. */
export const applyConversion = (value: number, { scale, offset }: Conversion): number =>
  Number((value * scale + offset).toPrecision(15))
