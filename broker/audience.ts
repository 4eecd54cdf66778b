/**
 * Whether anybody would get a message: somebody connected who subscribes to its topic, or a session that is away. The
 * answer is remembered with the topic, since it must be cheap for every message; a new subscription makes it void.
 */
import type { Subscription } from 'aedes'
import { limits } from '../telemetry/limits.ts'
import type { AedesBroker, Emitter } from './aedes-internals.ts'

/** What is remembered of a topic; a new one is `{ ...unknownAudience }`. */
export type Heard = {
  /** Changes of the live subscriptions when they were looked at; -1: never. */
  liveAt: number
  isLive: boolean
  /** Additions to the stored subscriptions when they were asked; -1: never. */
  storedAt: number
  isStored: boolean
  askedAtMs: number
  isAsking: boolean
}
export const unknownAudience: Heard = {
  liveAt: -1,
  isLive: false,
  storedAt: -1,
  isStored: false,
  askedAtMs: 0,
  isAsking: false,
}

/** False: for certain nobody. True: somebody, or it is not known yet. */
export type IsHeard = (topic: string, heard: Heard) => boolean

/** Resolves when everybody who must know that somebody listens knows; null: nobody must. */
export type TellHeard = (filter: string) => Promise<unknown> | null

/**
 * Call it when aedes has its persistence, before mends change it and before the first client. A subscription holds, and is
 * answered, when `tellHeard` is done with it. `showsOnlookers`: whoever asks shows to them what nobody else hears
 * (onlookers.ts), so they do not count.
 */
export function watchAudience(
  { mq: emitter, persistence }: AedesBroker,
  tellHeard: TellHeard,
  showsOnlookers: boolean,
): IsHeard {
  let liveChanges = 0
  let storedAdditions = 0
  watchLive(emitter, () => liveChanges++, tellHeard)

  const add = persistence.addSubscriptions.bind(persistence)
  const find = persistence.subscriptionsByClient.bind(persistence)
  persistence.addSubscriptions = async (client, subscriptions) => {
    const before = await find(client)
    await add(client, subscriptions)
    // A device that wakes subscribes to the same again and again: that is nothing new.
    const isNew = (it: Subscription) => !before.some(({ topic, qos }) => topic === it.topic && qos > 0)
    const added = subscriptions.filter((it) => it.qos > 0 && isNew(it))
    if (added.length === 0) return
    storedAdditions++
    await Promise.all(added.map((it) => tellHeard(it.topic)))
  }

  function askStored(topic: string, heard: Heard): void {
    const at = storedAdditions
    heard.isAsking = true
    persistence.subscriptionsByTopic(topic).then(
      (subscriptions) => {
        Object.assign(heard, { storedAt: at, isStored: subscriptions.length > 0, askedAtMs: performance.now() })
        heard.isAsking = false
      },
      // aedes asks the same for each message, and tells of the error.
      () => {
        heard.isAsking = false
      },
    )
  }

  return (topic, heard) => {
    if (heard.liveAt !== liveChanges) {
      heard.liveAt = liveChanges
      heard.isLive = showsOnlookers ? emitter.hasMoreThanOnlookers(topic) : emitter.hasListener(topic)
    }
    if (heard.isLive) return true
    const isCurrent = heard.storedAt === storedAdditions
    if (isCurrent && !heard.isStored) return false
    const isFresh = isCurrent && performance.now() - heard.askedAtMs < limits.topicHeardMs
    if (!isFresh && !heard.isAsking) askStored(topic, heard)
    return true
  }
}

function watchLive(emitter: Emitter, changed: () => void, tellHeard: TellHeard): void {
  const on = emitter.on.bind(emitter)
  emitter.on = (topic, notify, done) => {
    on(topic, notify, () => {
      if (told === null) done?.()
      else told.then(() => done?.())
    })
    changed()
    const told = tellHeard(topic)
    return emitter
  }
  const removeListener = emitter.removeListener.bind(emitter)
  emitter.removeListener = (topic, notify, done) => {
    // It happens in a later turn.
    removeListener(topic, notify, () => {
      changed()
      done?.()
    })
    return emitter
  }
}
