/** What each thing a device does costs in bytes and energy, by cause: the one table that meter and estimate share. */
import type { Profile } from '../profile.ts'
import { connectBytes, disconnectBytesOf, pingBytesOf, publishBytes, type TwoWay, tlsHandshake } from './bytes.ts'
import { cells } from './cells.ts'
import { framesOf } from './frames.ts'
import type { Cause } from './meter.ts'
import type { Radio } from './radios.ts'

export type Share = { bytes: number; milliJoules: number }
export type Shares = { [cause in Cause]: Share }

/** `waitS`: how long the radio waits for answers, for which `waitMilliWatts` of Costs are due beside the spends. */
export type Activity = { spends: Array<Share & { cause: Cause }>; waitS: number; waitCause: Cause }
export type PublishBytes = { header: number; topic: number; payload: number }

export type Costs = {
  /** Without the wake of the radio. */
  connect(mqttBytesUp: number, mqttBytesDown: number): Activity
  publish(bytes: PublishBytes, isAcknowledged: boolean): Activity
  ping(): Activity
  disconnect(): Activity
  wakeMilliJoules: number
  waitMilliWatts: number
  sampleMilliJoules: number
  /** Board and radio with nothing to do; `isHeld`: with a connection held. */
  idleMilliWatts(isHeld: boolean): number
}

const nothing: Activity = { spends: [], waitS: 0, waitCause: 'tail' }

/** @param isResumed sessions of TLS are resumed by tickets */
export function createCosts(profile: Profile, radio: Radio, isResumed: boolean): Costs {
  const { tls, connection } = profile
  const spend = (cause: Cause, { up, down }: TwoWay) => ({
    cause,
    bytes: up + down,
    milliJoules: up * radio.upMilliJoulesPerByte + down * radio.downMilliJoulesPerByte,
  })
  const boardVolts = cells[profile.cell]?.nominalVolts ?? radio.supplyVolts
  const boardMilliWatts = profile.radio === 'mains' ? 0 : (profile.boardUa * boardVolts) / 1000
  const common = {
    wakeMilliJoules: radio.wakeMilliJoules,
    waitMilliWatts: radio.onMilliWatts,
    sampleMilliJoules: radio.sampleMilliJoules,
    idleMilliWatts: (isHeld: boolean) =>
      boardMilliWatts + ((isHeld ? radio.heldMicroAmps : radio.asleepMicroAmps) * radio.supplyVolts) / 1000,
  }
  if (radio.carries !== 'mqtt') {
    return {
      ...common,
      connect: () => nothing,
      ping: () => nothing,
      disconnect: () => nothing,
      publish({ payload }, isAcknowledged) {
        const sent = framesOf(radio, payload, isAcknowledged)
        const { frames, headerBytes, payloadBytes, milliJoules, acknowledgeMilliJoules } = sent
        const perByte = milliJoules / (headerBytes + payloadBytes)
        return {
          spends: [
            { cause: 'handshake', bytes: 0, milliJoules: frames * radio.wakeMilliJoules },
            { cause: 'header', bytes: headerBytes, milliJoules: headerBytes * perByte },
            { cause: 'payload', bytes: payloadBytes, milliJoules: payloadBytes * perByte },
            { cause: 'acknowledgement', bytes: 0, milliJoules: acknowledgeMilliJoules },
          ],
          waitS: 0,
          waitCause: 'acknowledgement',
        }
      },
    }
  }
  const handshake = tlsHandshake(tls, isResumed)
  return {
    ...common,
    connect: (up, down) => ({
      spends: [spend('handshake', connectBytes(tls, isResumed, up, down))],
      // TCP, TLS, CONNECT.
      waitS: (2 + handshake.roundTrips) * radio.roundTripS + handshake.processorS,
      waitCause: 'handshake',
    }),
    publish({ header, topic, payload }, isAcknowledged) {
      const isFresh = connection === 'wake'
      const { overhead, acknowledgement } = publishBytes(tls, header + topic + payload, isAcknowledged, isFresh)
      return {
        spends: [
          spend('header', { up: header + overhead, down: 0 }),
          spend('topic', { up: topic, down: 0 }),
          spend('payload', { up: payload, down: 0 }),
          spend('acknowledgement', acknowledgement),
        ],
        waitS: isAcknowledged ? radio.roundTripS : 0,
        waitCause: 'acknowledgement',
      }
    },
    ping: () => ({
      spends: [spend('keepalive', pingBytesOf(tls))],
      waitS: radio.roundTripS,
      waitCause: 'keepalive',
    }),
    disconnect: () => ({
      spends: [spend('handshake', disconnectBytesOf(tls))],
      waitS: 0,
      waitCause: 'handshake',
    }),
  }
}
