/** Frames of radios that reach a gateway, which speaks MQTT for the device: no topic, no TCP, no TLS on the air. */
import type { Radio } from './radios.ts'

export type Frames = {
  frames: number
  headerBytes: number
  payloadBytes: number
  milliJoules: number
  acknowledgeMilliJoules: number
}

/** LoRaWAN: header of MAC, address, counter, port, and code of integrity. */
const loraMacBytes = 13
/** EU868, by spreading factor from 7 on. */
const loraPayloadBytesMax = [222, 222, 115, 51, 51, 51]
const loraUpMilliWatts = 44 * 3.3
const loraDownMilliWatts = 9.7 * 3.3

/** Semtech AN1200.13: 125 kHz, coding rate 4/5, preamble of 8 symbols, explicit header, CRC. */
export function loraAirS(spreadingFactor: number, payloadBytes: number): number {
  const symbolS = 2 ** spreadingFactor / 125_000
  const lowRate = spreadingFactor >= 11 ? 1 : 0
  const bits = 8 * (payloadBytes + loraMacBytes) - 4 * spreadingFactor + 28 + 16
  const symbols = 8 + Math.max(0, Math.ceil(bits / (4 * (spreadingFactor - 2 * lowRate))) * 5)
  return (8 + 4.25 + symbols) * symbolS
}

function loraFrames({ spreadingFactor }: Radio, payloadBytes: number, isAcknowledged: boolean): Frames {
  const fitting = loraPayloadBytesMax[spreadingFactor - 7] as number
  const full = Math.floor(payloadBytes / fitting)
  const rest = payloadBytes - full * fitting
  const frames = full + (rest > 0 || full === 0 ? 1 : 0)
  const airS = full * loraAirS(spreadingFactor, fitting) + (frames > full ? loraAirS(spreadingFactor, rest) : 0)
  return {
    frames,
    headerBytes: frames * loraMacBytes,
    payloadBytes,
    milliJoules: airS * loraUpMilliWatts,
    acknowledgeMilliJoules: isAcknowledged ? frames * loraAirS(spreadingFactor, 0) * loraDownMilliWatts : 0,
  }
}

/** 4.377 ms at 2.431 mA and 3 V (Laird BL652, measured): three channels with the same packet. */
const bleEventMilliJoules = 0.0106 * 3
/** Of 31 bytes, after flags and the head of the manufacturer's data. */
const blePayloadBytesMax = 24
/** Preamble, access address, header, address, CRC, flags, head of the data. */
const bleHeaderBytes = 23

function bleFrames(payloadBytes: number): Frames {
  const events = Math.max(1, Math.ceil(payloadBytes / blePayloadBytesMax))
  return {
    frames: events,
    headerBytes: 3 * events * bleHeaderBytes + 2 * payloadBytes,
    payloadBytes,
    milliJoules: events * bleEventMilliJoules,
    acknowledgeMilliJoules: 0,
  }
}

/** Advertising is never acknowledged; LoRaWAN sends a frame down for each confirmed one. */
export const framesOf = (radio: Radio, payloadBytes: number, isAcknowledged: boolean): Frames =>
  radio.carries === 'ble' ? bleFrames(payloadBytes) : loraFrames(radio, payloadBytes, isAcknowledged)
