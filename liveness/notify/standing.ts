/** Alerts that stand, by the topic that tells of them: a topic is over only when the last of them is. Kept over a restart. */
import type { Alert } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'

export type StandingAlert = Pick<Alert, 'id' | 'rule' | 'severity' | 'title'>

/** `payload`: what is retained, since a broker that starts anew retains nothing. */
export type StandingTopic = { topic: string; alerts: StandingAlert[]; payload: string }

export type Standing = {
  /** Those of the topic, oldest first. */
  of(topic: string): StandingAlert[]
  /** False: there is no room to remember it. */
  add(topic: string, alert: StandingAlert): boolean
  remove(topic: string, id: string): void
  retain(topic: string, payload: string): void
  all(): StandingTopic[]
}

export function createStanding(saved: StandingTopic[]): Standing {
  const topics = new Map(saved.map((it) => [it.topic, it]))
  let size = saved.reduce((sum, { alerts }) => sum + alerts.length, 0)

  function of(topic: string): StandingAlert[] {
    return topics.get(topic)?.alerts ?? []
  }

  return {
    of,
    add(topic, { id, rule, severity, title }) {
      const others = of(topic).filter((it) => it.id !== id)
      const isKnown = others.length < of(topic).length
      if (!isKnown && size >= limits.standingAlertsMax) return false
      const alerts = [...others, { id, rule, severity, title }]
      topics.set(topic, { topic, alerts, payload: topics.get(topic)?.payload ?? '' })
      if (!isKnown) size++
      return true
    },
    remove(topic, id) {
      const entry = topics.get(topic)
      if (entry === undefined) return
      const alerts = entry.alerts.filter((it) => it.id !== id)
      size -= entry.alerts.length - alerts.length
      if (alerts.length === 0) topics.delete(topic)
      else topics.set(topic, { ...entry, alerts })
    },
    retain(topic, payload) {
      const entry = topics.get(topic)
      if (entry !== undefined) topics.set(topic, { ...entry, payload })
    },
    all: () => [...topics.values()],
  }
}
