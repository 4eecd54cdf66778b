/**
 * What radios draw, each figure with its source; [estimate] where none was found. Energies are at the supply of the radio, in
 * millijoules; a regulator between it and the cell would add its losses.
 */
import type { RadioName } from '../profile.ts'

export type Radio = {
  title: string
  /** mqtt: it speaks TCP itself. lora, ble: frames to a gateway, which speaks MQTT for it. */
  carries: 'mqtt' | 'lora' | 'ble'
  /** At which the figures were measured, and below which it does not work. */
  supplyVolts: number
  voltsMin: number
  peakMilliAmps: number
  /** From asleep to able to send: boot, scan, attach or paging. LoRa: processor and receive windows around each frame. */
  wakeMilliJoules: number
  /** Whether it sleeps while a connection is held, and must wake to send. */
  isAsleepWhileHeld: boolean
  /** On without sending: it waits for an answer, or the network keeps it on. */
  onMilliWatts: number
  /** How long it stays on after the last packet. */
  tailS: number
  roundTripS: number
  upMilliJoulesPerByte: number
  downMilliJoulesPerByte: number
  asleepMicroAmps: number
  /** With a connection held and nothing to send. */
  heldMicroAmps: number
  /** One measurement by the microcontroller beside it, sensor included. */
  sampleMilliJoules: number
  /** Of LoRa, 7 to 12: each doubles the time on the air. */
  spreadingFactor: number
}

const perByte = (milliWatts: number, bitsPerS: number) => (8 * milliWatts) / bitsPerS
const nothing = {
  isAsleepWhileHeld: true,
  onMilliWatts: 0,
  tailS: 0,
  roundTripS: 0,
  upMilliJoulesPerByte: 0,
  downMilliJoulesPerByte: 0,
  spreadingFactor: 0,
}

/** On for reception, in the model of 3GPP TR 45.820; the inactivity timer of 10 s is a common setting of networks. */
const cellular = { ...nothing, onMilliWatts: 90, tailS: 10, sampleMilliJoules: 0.03 }

/** Charges of a wake of an ESP32 at 3.3 V, in millicoulombs (glenn20/upy-esp32-experiments, measured with a PPK2). */
export const esp32MilliCoulombs = { staticIpMqtt: 108.6, dhcpMqtt: 204, dhcpHttp: 341, bootOnly: 3.3 }
/** Receiver and processor of an ESP32 on: about 100 mA. A round trip on the local network and to a near server [estimate]. */
const esp32 = { supplyVolts: 3.3, onMilliWatts: 330, roundTripS: 0.02 }

export const radios: { [name in RadioName]: Radio } = {
  // nRF9160 at 3.7 V (Nordic, "Modem current consumption"): floor of PSM 2.7 µA; a wake from PSM 105 mJ at 23 dBm; 110 mA at
  // 180 kbit/s up; peak 300 mA (nwp_034). Round trip [estimate].
  'lte-m': {
    ...cellular,
    title: 'LTE-M, PSM',
    carries: 'mqtt',
    supplyVolts: 3.7,
    voltsMin: 3,
    peakMilliAmps: 300,
    wakeMilliJoules: 105,
    roundTripS: 0.15,
    upMilliJoulesPerByte: perByte(110 * 3.7, 180_000),
    downMilliJoulesPerByte: perByte(90, 180_000),
    asleepMicroAmps: 2.7,
    heldMicroAmps: 2.7,
  },
  // nRF9160: a wake 550 mJ. 545 mW while sending (TR 45.820), peak 167 mA (M5311). About a second of reception for an answer;
  // 20 kbit/s up and 25 down on a single tone [estimate].
  'nb-iot': {
    ...cellular,
    title: 'NB-IoT, PSM',
    carries: 'mqtt',
    supplyVolts: 3.7,
    voltsMin: 3,
    peakMilliAmps: 167,
    wakeMilliJoules: 550,
    roundTripS: 1,
    upMilliJoulesPerByte: perByte(545, 20_000),
    downMilliJoulesPerByte: perByte(90, 25_000),
    asleepMicroAmps: 2.7,
    heldMicroAmps: 2.7,
  },
  // A wake is what was measured with a static address, without the two round trips of TCP and CONNECT. Deep sleep 5 µA, DTIM 3
  // 2.33 mA (Espressif, low-power Wi-Fi). The ULP coprocessor samples; a boot for each sample would be 10.9 mJ.
  // Peak, and 190 mA at 6 Mbit/s [estimate].
  'esp32-wifi': {
    ...nothing,
    ...esp32,
    title: 'ESP32 Wi-Fi, static address; DTIM 3 while connected',
    carries: 'mqtt',
    voltsMin: 3,
    peakMilliAmps: 500,
    wakeMilliJoules: esp32MilliCoulombs.staticIpMqtt * 3.3 - 2 * esp32.roundTripS * esp32.onMilliWatts,
    isAsleepWhileHeld: false,
    upMilliJoulesPerByte: perByte(190 * 3.3, 6_000_000),
    downMilliJoulesPerByte: perByte(esp32.onMilliWatts, 6_000_000),
    asleepMicroAmps: 5,
    heldMicroAmps: 2330,
    sampleMilliJoules: 0.05,
  },
  // SX127x at 3.3 V (table of FLoRa): 44 mA at 14 dBm, reception 9.7 mA, sleep 0.1 µA; 2 µA for clock and processor
  // [estimate]; 6 mJ for receive windows and processor around a frame are fitted to a published life (docs/energy.md).
  'lora-backhaul': {
    ...nothing,
    isAsleepWhileHeld: false,
    title: 'LoRa to a gateway, 14 dBm, 125 kHz',
    carries: 'lora',
    supplyVolts: 3.3,
    voltsMin: 1.8,
    peakMilliAmps: 44,
    wakeMilliJoules: 6,
    asleepMicroAmps: 2.1,
    heldMicroAmps: 2.1,
    sampleMilliJoules: 0.03,
    spreadingFactor: 7,
  },
  // nRF52832 (Laird BL652, measured): standby 2 µA; what an advertising event takes stands in frames.ts. A sample: ADC and some
  // 200 µs of the processor; peak without DC/DC [estimate].
  'ble-gateway': {
    ...nothing,
    isAsleepWhileHeld: false,
    title: 'BLE advertising to a gateway, 0 dBm',
    carries: 'ble',
    supplyVolts: 3,
    voltsMin: 1.7,
    peakMilliAmps: 8,
    wakeMilliJoules: 0,
    asleepMicroAmps: 2,
    heldMicroAmps: 2,
    sampleMilliJoules: 0.002,
  },
  /** Its bytes are billed, its energy is not. */
  mains: {
    ...nothing,
    title: 'mains',
    carries: 'mqtt',
    supplyVolts: 5,
    voltsMin: 0,
    peakMilliAmps: 0,
    wakeMilliJoules: 0,
    asleepMicroAmps: 0,
    heldMicroAmps: 0,
    sampleMilliJoules: 0,
  },
}

/** Other settings of the same radios. eDRX: cycle of 82 s instead of PSM, so that the device can be reached (nRF9160). */
export const lteMEdrx82: Radio = { ...radios['lte-m'], title: 'LTE-M, eDRX 82 s', heldMicroAmps: 18 }
export const withoutTail = (radio: Radio): Radio => ({ ...radio, tailS: 0 })
