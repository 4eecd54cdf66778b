/**
 * aedes 1.2.0 mended from outside. Each line is one defect and one file; test/mqtt shows that stock aedes has it and
 * that we do not. Later ones wrap earlier ones.
 */
import type { Aedes, AedesOptions, Client } from 'aedes'
import type { Counters } from '../../telemetry/counters.ts'
import { type AedesBroker, internals } from '../aedes-internals.ts'
import type { Intake } from '../intake.ts'
import { checkAcknowledgements } from './acknowledgements.ts'
import { limitAuthentication } from './authenticate-timeout.ts'
import { takeDeepTopics } from './deep-topics.ts'
import { deliverOnce } from './delivery.ts'
import { skipDuplicateCheck } from './duplicate-check.ts'
import { checkFixedHeaders } from './fixed-header.ts'
import type { Mend } from './mend.ts'
import { hideOwnTopics } from './own-topics.ts'
import { paceRetained } from './retained-delivery.ts'
import { countSent } from './sent-packets.ts'
import { tellSessionPresent } from './session-present.ts'
import { mendSessionQueue } from './session-queue.ts'
import { boundBacklogs } from './slow-subscriber.ts'
import { checkPackets } from './strict-packets.ts'
import { answerEveryFilter } from './suback-codes.ts'
import { guardSubscriptions } from './subscription-rights.ts'
import { takeInTurns } from './turns.ts'

export type MendsOptions = {
  counters: Counters
  /** Whether anything is kept for the client. */
  hasSession: (clientId: string) => boolean
  /** Where to what is read goes first. */
  intake: Intake
}

export type Mends = {
  /** The options of the broker, its hooks among them. */
  options(options: AedesOptions): AedesOptions
  /** Call it once the broker listens and its persistence is complete. */
  listening(aedes: Aedes): void
  /** Call it for every new connection, before its first byte is read. */
  connected(client: Client): void
}

export function createMends({ counters, hasSession, intake }: MendsOptions): Mends {
  const mends: Mend[] = [
    checkFixedHeaders(counters),
    checkPackets(counters),
    checkAcknowledgements(counters),
    takeInTurns(intake, counters.mqtt.received),
    answerEveryFilter(),
    limitAuthentication(counters),
    guardSubscriptions(counters),
    tellSessionPresent(hasSession),
    boundBacklogs(counters),
    skipDuplicateCheck(),
    deliverOnce(),
    paceRetained(),
    mendSessionQueue(),
    hideOwnTopics(),
    takeDeepTopics(),
  ]
  return {
    options: (options) => mends.reduce((mended, mend) => mend.options?.(mended) ?? mended, options),
    listening(aedes) {
      for (const mend of mends) mend.listening?.(aedes as AedesBroker)
      countSent(aedes, counters.mqtt.sent)
    },
    connected(client) {
      for (const mend of mends) mend.connected?.(internals(client))
    },
  }
}
