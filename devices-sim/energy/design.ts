/** A device for questions before any scenario: what is not said is as common firmware has it. */
import type { LinkProfile, Profile } from '../profile.ts'

const goodLink: LinkProfile = {
  latencyMs: 0,
  jitterMs: 0,
  bitsPerS: 0,
  goodToBad: 0,
  badToGood: 1,
  lossInBad: 0,
  outageEveryS: 0,
  outageLastsS: 0,
  halfOpen: 0,
  natTimeoutS: 0,
  duplicate: 0,
  delayMsMax: 0,
}

const common: Profile = {
  name: 'design',
  site: 'site',
  count: 1,
  prefix: 'device',
  sensors: ['voltage'],
  sampleEveryS: 60,
  batch: 1,
  format: 'json',
  compression: 'none',
  qos: 1,
  clock: 'rtc',
  sequence: true,
  boot: true,
  announcesNext: false,
  connection: 'held',
  keepAliveS: 60,
  persistentSession: false,
  tellsStatus: true,
  flashReports: 1000,
  window: 10,
  retryS: 10,
  acknowledgeTimeoutS: 30,
  radio: 'lte-m',
  cell: 'li-socl2-aa',
  boardUa: 20,
  tls: '1.3',
  solar: false,
  link: goodLink,
  faults: [],
  joinOverS: 0,
  perGateway: 0,
}

export const profileOf = (changes: Partial<Profile>): Profile => ({ ...common, ...changes })
