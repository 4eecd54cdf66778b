/** Alerts that stand, by the topic that tells of them: a topic is over only when the last of them is. Kept over a restart. */
import type { Alert } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'

export type StandingAlert = Pick<Alert, 'id' | 'rule' | 'severity' | 'title'>
export type StandingTopic = [topic: string, alerts: StandingAlert[]]

export type Standing = {
  /** Those of the topic, oldest first. */
  of(topic: string): StandingAlert[]
  /** False: there is no room to remember it. */
  add(topic: string, alert: StandingAlert): boolean
  remove(topic: string, id: string): void
  all(): StandingTopic[]
}

export function createStanding(saved: StandingTopic[]): Standing {
  const topics = new Map(saved)
  let size = saved.reduce((sum, [, alerts]) => sum + alerts.length, 0)

  function replace(topic: string, alerts: StandingAlert[]): void {
    size += alerts.length - (topics.get(topic)?.length ?? 0)
    if (alerts.length === 0) topics.delete(topic)
    else topics.set(topic, alerts)
  }

  return {
    of: (topic) => topics.get(topic) ?? [],
    add(topic, { id, rule, severity, title }) {
      const before = topics.get(topic) ?? []
      const others = before.filter((it) => it.id !== id)
      if (others.length === before.length && size >= limits.standingAlertsMax) return false
      replace(topic, [...others, { id, rule, severity, title }])
      return true
    },
    remove(topic, id) {
      replace(
        topic,
        (topics.get(topic) ?? []).filter((it) => it.id !== id),
      )
    },
    all: () => [...topics],
  }
}
