/** The bill of a design by formulas, without a simulation: what a meter would say after many quiet days. */
import type { Profile } from '../profile.ts'
import { type Bill, makeBill, noShares } from './bill.ts'
import { publishHeaderBytes } from './bytes.ts'
import { cells } from './cells.ts'
import { type Activity, createCosts } from './costs.ts'
import type { Cause } from './meter.ts'
import { type Radio, radios } from './radios.ts'
import { sunMilliJoulesPerDay } from './sun.ts'

/** What the device sends for each report: so many messages of that size each. */
export type Load = { payloadBytes: number; topicBytes: number; messages: number }

/** Settings that a profile does not hold. */
export type Settings = { radio?: Radio; isResumed?: boolean }

/** MQTT bytes of a CONNECT with user name and a password of 16 characters, and of CONNACK. */
export const typicalConnect = { up: 48, down: 4 }

const dayS = 86_400

export function estimate(
  profile: Profile,
  load: Load,
  { radio = radios[profile.radio], isResumed = false }: Settings = {},
): Bill {
  const total = noShares()
  const costs = createCosts(profile, radio, isResumed)
  const samples = dayS / profile.sampleEveryS
  const gapS = profile.sampleEveryS * profile.batch
  const reports = dayS / gapS
  const isHeld = profile.connection === 'held'
  const isMqtt = radio.carries === 'mqtt'

  const spend = (cause: Cause, milliJoules: number, bytes = 0) => {
    total[cause].milliJoules += milliJoules
    total[cause].bytes += bytes
  }
  const act = ({ spends, waitS, waitCause }: Activity, times: number, waits = times) => {
    for (const { cause, milliJoules, bytes } of spends) spend(cause, times * milliJoules, times * bytes)
    spend(waitCause, waits * waitS * costs.waitMilliWatts)
  }
  /** The radio stays on for its tail, or until the next packet; asleep before it, it must wake for that one. */
  const after = (times: number, untilNextS: number, onCause: Cause, nextWakeCause: Cause, wakes: boolean) => {
    const onS = Math.min(radio.tailS, Math.max(0, untilNextS))
    spend(onCause, times * onS * costs.waitMilliWatts)
    if (wakes && onS < untilNextS) spend(nextWakeCause, times * costs.wakeMilliJoules)
  }

  const { payloadBytes, topicBytes, messages } = load
  const header = publishHeaderBytes(topicBytes, payloadBytes, profile.qos)
  const publish = costs.publish({ header, topic: topicBytes, payload: payloadBytes }, profile.qos === 1)
  // Messages of one report wait together for their acknowledgements.
  act(publish, reports * messages, reports)
  if (isMqtt && isHeld) {
    const pings = profile.keepAliveS === 0 ? 0 : Math.ceil(gapS / profile.keepAliveS) - 1
    const ping = costs.ping()
    act(ping, reports * pings)
    const wakes = radio.isAsleepWhileHeld
    const lastS = gapS - pings * profile.keepAliveS
    if (pings === 0) {
      after(reports, gapS - publish.waitS, 'tail', 'handshake', wakes)
    } else {
      after(reports, profile.keepAliveS - publish.waitS, 'tail', 'keepalive', wakes)
      after(reports * (pings - 1), profile.keepAliveS - ping.waitS, 'keepalive', 'keepalive', wakes)
      after(reports, lastS - ping.waitS, 'keepalive', 'handshake', wakes)
    }
  } else if (isMqtt) {
    const connect = costs.connect(typicalConnect.up, typicalConnect.down)
    act(connect, reports)
    act(costs.disconnect(), reports)
    after(reports, gapS - connect.waitS - publish.waitS, 'tail', 'handshake', true)
  }
  spend('sample', samples * costs.sampleMilliJoules)
  spend('sleep', dayS * costs.idleMilliWatts(isHeld))
  const cell = cells[profile.cell]
  return makeBill(total, 1, cell, 1, profile.solar && cell?.isRechargeable ? sunMilliJoulesPerDay : 0)
}
