/**
 * What a scenario need not say: every field of a profile in one table, and links by name, each with the radio and the cell that
 * devices on it mostly have. [estimate] marks figures without a source.
 */
import { perfectLink } from '../link/link.ts'
import type { CellName, LinkProfile, Profile, RadioName } from '../profile.ts'

type LinkPreset = { title: string; link: LinkProfile; radio: RadioName; cell: CellName }

const [minuteS, hourS, dayS] = [60, 3600, 86_400]

export const linkPresets = {
  perfect: { title: 'A wire on which nothing is lost.', link: perfectLink, radio: 'mains', cell: 'mains' },
  // A router must keep silent TCP connections for 2 h 4 min at least [RFC 5382 REQ-5]; the rest [estimate].
  'wifi-home': {
    title: 'Wi-Fi of a house: fast, with a router that is restarted now and then.',
    link: {
      ...perfectLink,
      latencyMs: 10,
      jitterMs: 5,
      bitsPerS: 5_000_000,
      goodToBad: 0.005,
      badToGood: 0.5,
      lossInBad: 0.5,
      outageEveryS: 3 * dayS,
      outageLastsS: 2 * minuteS,
      halfOpen: 0.3,
      natTimeoutS: 124 * minuteS,
    },
    radio: 'esp32-wifi',
    cell: 'lipo-1ah',
  },
  // 180 kbit/s up is what Nordic measures the nRF9160 with; loss of 6 % in bursts of 3 packets; NAT and outages [estimate].
  'lte-m-rural': {
    title: 'LTE-M far from the mast: losses in bursts, a NAT that forgets, now and then no network.',
    link: {
      ...perfectLink,
      latencyMs: 60,
      jitterMs: 30,
      bitsPerS: 180_000,
      goodToBad: 0.02,
      badToGood: 0.3,
      lossInBad: 1,
      outageEveryS: 5 * dayS,
      outageLastsS: 10 * minuteS,
      halfOpen: 0.5,
      natTimeoutS: 30 * minuteS,
    },
    radio: 'lte-m',
    cell: 'li-socl2-aa',
  },
  // One round trip is 1 to 2 s of the receiver; rate in deep coverage, NAT and outages [estimate].
  'nb-iot-deep': {
    title: 'NB-IoT in a cellar: seconds for a round trip, hours without network.',
    link: {
      ...perfectLink,
      latencyMs: 800,
      jitterMs: 400,
      bitsPerS: 2_000,
      goodToBad: 0.03,
      badToGood: 0.3,
      lossInBad: 1,
      outageEveryS: 2 * dayS,
      outageLastsS: 1 * hourS,
      halfOpen: 0.5,
      natTimeoutS: 30 * minuteS,
    },
    radio: 'nb-iot',
    cell: 'li-socl2-aa',
  },
  // 5.47 kbit/s is SF7 at 125 kHz. 18 months of one node: of an hour that is heard the next is not with 0.0032, of one that is
  // not the next is with 0.138 (ricaun/LoRaNow-18-months): every 13 days about 7 hours. Two gateways hear one frame [estimate].
  lora: {
    title: 'LoRa by a gateway that speaks MQTT: slow, silent for hours at times, frames heard twice.',
    link: {
      ...perfectLink,
      latencyMs: 150,
      jitterMs: 50,
      bitsPerS: 5_470,
      outageEveryS: 13 * dayS,
      outageLastsS: 7 * hourS,
      duplicate: 0.01,
      delayMsMax: 2_000,
    },
    radio: 'lora-backhaul',
    cell: 'alkaline-2aa',
  },
  // [estimate]
  'ble-gateway': {
    title: 'Bluetooth to a gateway on Wi-Fi: people walk out of reach.',
    link: {
      ...perfectLink,
      latencyMs: 50,
      jitterMs: 30,
      bitsPerS: 100_000,
      goodToBad: 0.01,
      badToGood: 0.4,
      lossInBad: 1,
      outageEveryS: 4 * hourS,
      outageLastsS: 3 * minuteS,
      natTimeoutS: 124 * minuteS,
    },
    radio: 'ble-gateway',
    cell: 'cr2032',
  },
  // Heard some 9 of the 95 minutes of a low orbit; rate [estimate].
  'satellite-passes': {
    title: 'A low orbit: a few minutes over the station, then most of an orbit nothing.',
    link: {
      ...perfectLink,
      latencyMs: 20,
      jitterMs: 5,
      bitsPerS: 9_600,
      goodToBad: 0.01,
      badToGood: 0.3,
      lossInBad: 1,
      outageEveryS: 9 * minuteS,
      outageLastsS: 86 * minuteS,
      halfOpen: 1,
    },
    radio: 'mains',
    cell: 'mains',
  },
} as const satisfies { [name: string]: LinkPreset }

export type LinkPresetName = keyof typeof linkPresets
export const linkPresetNames = Object.keys(linkPresets) as LinkPresetName[]
export const linkPresetDefault: LinkPresetName = 'perfect'

/** Every field; name, site and sensors are for whoever needs a device of any kind, a scenario says its own. */
export const profileDefaults: Profile = {
  name: 'device',
  site: 'demo',
  count: 1,
  prefix: 'dev',
  sensors: ['voltage'],
  sampleEveryS: 60,
  batch: 1,
  format: 'senml-cbor',
  compression: 'none',
  qos: 1,
  clock: 'rtc',
  sequence: true,
  boot: true,
  announcesNext: false,
  connection: 'held',
  keepAliveS: 300,
  persistentSession: false,
  tellsStatus: true,
  flashReports: 1000,
  window: 8,
  retryS: 5,
  acknowledgeTimeoutS: 30,
  radio: linkPresets[linkPresetDefault].radio,
  cell: linkPresets[linkPresetDefault].cell,
  // Sensor, regulator and a microcontroller asleep; hobby boards draw 100 to 200.
  boardUa: 20,
  tls: 'none',
  solar: false,
  link: linkPresets[linkPresetDefault].link,
  faults: [],
  joinOverS: 0,
  perGateway: 0,
}
