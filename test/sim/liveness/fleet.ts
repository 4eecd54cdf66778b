/** The fleet of the simulation of liveness: which devices there are, how each reaches us, how often it reports. */
import { createRandom, memberSeed, type Random } from '../../../devices-sim/random.ts'
import type { Incident } from './truth.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs

/** What keeps a connection: a device on mains, or a gateway for its devices. */
export type Party = {
  client: string
  address: string
  willTopic: string | null
  /** 0: not connected. */
  epoch: number
  /** What keeps it from us now, how many of them. */
  cuts: number
  random: Random
  /** Those whose reports it holds until it is connected. */
  waiting: Set<SimDevice>
}

export type Gateway = Party & { devices: SimDevice[] }

export type SimDevice = {
  site: Site
  key: string
  topic: string
  /** Its own connection, held; null: it comes, reports and leaves, or its gateway reports for it. */
  held: Party | null
  gateway: Gateway | null
  /** It says in each report when the next one comes; otherwise its rhythm must be learned. */
  declares: boolean
  /** Its firmware knows no DISCONNECT. */
  breaksOff: boolean
  client: string
  address: string
  intervalMs: number
  isDead: boolean
  /** What keeps it from us now, how many of them. */
  cuts: number
  /** Plans for a wake before this one hold no more. */
  plan: number
  random: Random
  /** What the truth knows: its last report, how many came, and what it said of the next one. */
  heardMs: number
  heards: number
  toldIntervalMs: number
  /** Reports that the network lost since. */
  losses: number
  isCalledLost: boolean
  /** Incidents that it is in, or was in and has not been heard since. */
  troubles: Incident[]
}

export type Site = {
  name: string
  intervalMs: number
  devices: SimDevice[]
  gateways: Gateway[]
  /** Share of reports that the network loses. */
  loss: number
}

const siteSize = 50
const relayedBy = 22
const intervalMsMin = 10 * minuteMs
const intervalMsMax = 6 * hourMs
/** The rhythm of others would take days to learn. */
const learnedMsMax = 2 * hourMs
export const lossUsual = 0.003

/** From 10 minutes to 6 hours, every magnitude as often. */
export const intervalOf = (random: Random, maxMs: number): number =>
  Math.round(intervalMsMin * (maxMs / intervalMsMin) ** random.fraction())

/**
 * Of five sites two have gateways, one has sensors that sleep and say for how long, one sensors that sleep and do not, one devices on mains.
 * `isMixed`: each site has some devices on mains beside the others.
 */
export function createFleet(seed: number, count: number, isMixed: boolean): Site[] {
  const sites: Site[] = []
  for (let made = 0; made < count; made += siteSize)
    sites.push(createSite(sites.length, memberSeed(seed, sites.length), Math.min(siteSize, count - made), isMixed))
  return sites
}

function createSite(index: number, seed: number, size: number, isMixed: boolean): Site {
  const random = createRandom(seed)
  const isRelayed = index % 5 < 2
  const declares = index % 5 !== 4
  const name = `site-${index}`
  const intervalMs = intervalOf(random, declares ? intervalMsMax : learnedMsMax)
  const site: Site = { name, intervalMs, devices: [], gateways: [], loss: lossUsual }
  const address = `10.${index >> 8}.${index & 255}`
  for (let i = 0; i < size; i++) {
    const at = Math.floor(i / relayedBy)
    const gatewayNumber = isRelayed && at <= 1 ? at : null
    const isHeld = gatewayNumber === null && (index % 5 === 3 || (isMixed && i % 8 === 0))
    const client = `${name}-node-${i}`
    const own = createRandom(memberSeed(seed, i + 1))
    const gateway = gatewayNumber === null ? null : gatewayAt(gatewayNumber)
    const device: SimDevice = {
      site,
      key: `${name}/${client}`,
      topic: `sensors/${name}/${client}/rainfall`,
      held: isHeld ? party(client, `sensors/${name}/${client}/status`, own) : null,
      gateway,
      declares: declares && !isHeld,
      // Until its rhythm is known such a device would be told of at each visit.
      breaksOff: declares && i % 4 === 1,
      client,
      address: `${address}.${i + 1}`,
      // Most devices of a site report as often as the others, and some do not.
      intervalMs: isHeld
        ? intervalMsMin
        : i % 5 === 3
          ? intervalOf(own, declares ? intervalMsMax : learnedMsMax)
          : intervalMs,
      ...{ isDead: false, cuts: 0, plan: 0, random: own },
      ...{ heardMs: 0, heards: 0, toldIntervalMs: 0, losses: 0, isCalledLost: false, troubles: [] },
    }
    site.devices.push(device)
    gateway?.devices.push(device)
  }
  return site

  function gatewayAt(at: number): Gateway {
    const known = site.gateways[at]
    if (known !== undefined) return known
    const made = { ...party(`${name}-gateway-${at}`, null, createRandom(memberSeed(seed, 1000 + at))), devices: [] }
    site.gateways.push(made)
    return made
  }

  function party(client: string, willTopic: string | null, own: Random): Party {
    return {
      client,
      address: `${address}.${200 + site.gateways.length}`,
      willTopic,
      epoch: 0,
      cuts: 0,
      random: own,
      waiting: new Set(),
    }
  }
}
