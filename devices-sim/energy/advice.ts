/** What one change of a design would bring, the best one first: before anything is built. */
import { type CellName, cellNames, type Profile } from '../profile.ts'
import type { Bill } from './bill.ts'
import { cells, deliveryProblem } from './cells.ts'
import { estimate } from './estimate.ts'
import { type Radio, radios, withoutTail } from './radios.ts'
import { asSent, holdsBatch, typicalLoad } from './typical-load.ts'

export type Design = { profile: Profile; radio: Radio; isResumed: boolean; topicBytes: number | null }
export type Advice = {
  /** What to change, and what it costs elsewhere. */
  change: string
  price: string
  bill: Bill
  /** Life, and bytes, as factors of those before: above 1 is better. Life is 1 on mains. */
  lifeGain: number
  bytesGain: number
}

type Lever = { change: string; price: string; apply(design: Design): Design | null }

const batchWanted = 60
const keepAliveWantedS = 1200
const topicBytesWanted = 15
const boardWantedUa = 5
/** Less is not worth a line. */
const gainMin = 1.01

const changed = (design: Design, profile: Partial<Profile>): Design => ({
  ...design,
  profile: { ...design.profile, ...profile },
})

const levers: Lever[] = [
  {
    change: `batch of ${batchWanted}`,
    price: 'readings come later',
    apply: ({ profile, ...rest }) =>
      profile.batch < batchWanted && holdsBatch(profile.format)
        ? changed({ profile, ...rest }, { batch: batchWanted })
        : null,
  },
  {
    change: `batch of ${batchWanted} in format packed`,
    price: 'readings come later; the device must know at least how long ago it measured',
    apply: (it) =>
      holdsBatch(it.profile.format) || it.profile.sensors.includes('captions')
        ? null
        : changed(it, { format: 'packed', batch: batchWanted, compression: 'none' }),
  },
  {
    change: `keepalive ${keepAliveWantedS} s`,
    price: 'a broken connection is seen later; the NAT on the way must not forget it before',
    apply({ profile, ...rest }) {
      const { connection, keepAliveS } = profile
      const isShort = connection === 'held' && keepAliveS > 0 && keepAliveS < keepAliveWantedS
      return isShort ? changed({ profile, ...rest }, { keepAliveS: keepAliveWantedS }) : null
    },
  },
  {
    // Pings go on between reports: batches alone leave the radio as busy as before.
    change: `batch of ${batchWanted}, keepalive ${keepAliveWantedS} s`,
    price: 'readings come later, a broken connection is seen later',
    apply({ profile, ...rest }) {
      const { connection, keepAliveS, batch, format } = profile
      const isShort = connection === 'held' && keepAliveS > 0 && keepAliveS < keepAliveWantedS
      return isShort && batch < batchWanted && holdsBatch(format)
        ? changed({ profile, ...rest }, { batch: batchWanted, keepAliveS: keepAliveWantedS })
        : null
    },
  },
  {
    change: 'no keepalive',
    price: 'only the next report shows that the connection is broken',
    apply: (it) =>
      it.profile.connection === 'held' && it.profile.keepAliveS > 0 ? changed(it, { keepAliveS: 0 }) : null,
  },
  {
    change: 'connect for each report',
    price: 'commands wait until the device is there',
    apply: (it) => (it.profile.connection === 'held' ? changed(it, { connection: 'wake' }) : null),
  },
  {
    change: `hold the connection, keepalive ${keepAliveWantedS} s`,
    price: 'a NAT on the way may forget it',
    apply: (it) =>
      it.profile.connection === 'wake' ? changed(it, { connection: 'held', keepAliveS: keepAliveWantedS }) : null,
  },
  {
    change: 'resume TLS sessions',
    price: 'the ticket must survive the sleep',
    apply: (it) =>
      it.profile.tls !== 'none' && it.profile.connection === 'wake' && !it.isResumed
        ? { ...it, isResumed: true }
        : null,
  },
  {
    change: 'TLS 1.2 with a shared key',
    price: 'a key for each device, and no forward secrecy',
    apply: (it) => (it.profile.tls === '1.2' || it.profile.tls === '1.3' ? changed(it, { tls: '1.2-psk' }) : null),
  },
  {
    change: 'QoS 0',
    price: 'no PUBACK: what gets lost stays lost',
    apply: (it) => (it.profile.qos === 1 ? changed(it, { qos: 0 }) : null),
  },
  {
    change: 'release assistance: no tail',
    price: 'modem and network must support it (RAI)',
    apply: (it) => (it.radio.tailS > 0 ? { ...it, radio: withoutTail(it.radio) } : null),
  },
  {
    change: 'format packed',
    price: 'scales stand in the route, whole numbers only',
    apply: (it) =>
      it.profile.format !== 'packed' && !it.profile.sensors.includes('captions')
        ? changed(it, { format: 'packed', compression: 'none' })
        : null,
  },
  {
    change: `topic of ${topicBytesWanted} characters`,
    price: 'a route of its own',
    apply: (it) => ({ ...it, topicBytes: topicBytesWanted }),
  },
  {
    change: `board of ${boardWantedUa} µA asleep`,
    price: 'another regulator, switched sensors',
    apply: (it) => (it.profile.boardUa > boardWantedUa ? changed(it, { boardUa: boardWantedUa }) : null),
  },
]

export function billOf({ profile, radio, isResumed, topicBytes }: Design): Bill {
  const sent = asSent(profile)
  const load = typicalLoad(sent)
  const topic = topicBytes === null ? load.topicBytes : Math.min(topicBytes, load.topicBytes)
  return estimate(sent, { ...load, topicBytes: topic }, { radio, isResumed })
}

/** Only what gains at least one per cent of life, or of bytes without any loss of life. */
export function advise(design: Design): Advice[] {
  const before = billOf(design)
  return levers
    .flatMap(({ change, price, apply }) => {
      const other = apply(design)
      if (other === null) return []
      const bill = billOf(other)
      const lifeGain = (bill.daysOfLife ?? 1) / (before.daysOfLife ?? 1)
      return [{ change, price, bill, lifeGain, bytesGain: before.bytesPerDay / bill.bytesPerDay }]
    })
    .filter(({ lifeGain, bytesGain }) => lifeGain >= gainMin || (lifeGain >= 1 && bytesGain >= gainMin))
    .sort((a, b) => b.lifeGain - a.lifeGain || b.bytesGain - a.bytesGain)
}

/** Cells that can feed the radio of a design, the longest life first; none for one on mains. */
export function otherCells(design: Design, celsius?: number): Array<{ cell: CellName; bill: Bill }> {
  if (design.profile.radio === 'mains') return []
  return cellNames
    .filter((name) => name !== 'mains' && name !== design.profile.cell)
    .filter((name) => deliveryProblem(cells[name], design.radio, celsius) === null)
    .map((cell) => ({ cell, bill: billOf(changed(design, { cell })) }))
    .sort((a, b) => (b.bill.daysOfLife ?? 0) - (a.bill.daysOfLife ?? 0))
}

export const designOf = (profile: Profile): Design => ({
  profile,
  radio: radios[profile.radio],
  isResumed: false,
  topicBytes: null,
})
