/** How well a device is heard: a mean over its last reports, with bounds that one bad report does not cross. */

/** Saved as it is. */
export type Signal = { mean: number; grade: Grade; sinceMs: number }
export type Grade = 'good' | 'weak' | 'bad'
/** `rssi` in dBm, `snr` in dB. */
export type SignalKind = 'rssi' | 'snr'

/**
 * Good from the first on, bad below the second [estimate]. RSSI: Wi-Fi breaks off near -90 dBm, cellular and LoRa near -115 to -135.
 * SNR: LoRa is heard down to -7.5 dB at SF7, -20 dB at SF12 (Semtech SX1276).
 */
const bounds: { [kind in SignalKind]: [good: number, bad: number] } = { rssi: [-100, -115], snr: [-5, -12.5] }
/** A grade changes back only this far beyond its bound, dB. */
const hysteresis = 3
/** Weight of a new report. */
const newShare = 1 / 8

export function takeSignal(known: Signal | null, kind: SignalKind, value: number, atMs: number): Signal {
  const mean = known === null ? value : known.mean + (value - known.mean) * newShare
  const grade = gradeOf(mean, kind, known?.grade ?? 'good')
  return { mean, grade, sinceMs: known?.grade === grade ? known.sinceMs : atMs }
}

function gradeOf(mean: number, kind: SignalKind, before: Grade): Grade {
  const [good, bad] = bounds[kind]
  if (mean < bad || (before === 'bad' && mean < bad + hysteresis)) return 'bad'
  return mean < good || (before !== 'good' && mean < good + hysteresis) ? 'weak' : 'good'
}
