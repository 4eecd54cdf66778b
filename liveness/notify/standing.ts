/** Alerts that stand, by the topic that tells of them: a topic is over only when the last of them is. Kept over a restart. */
import type { Alert } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'

export type StandingAlert = Pick<Alert, 'id' | 'rule' | 'severity' | 'title'>

export type Standing = {
  /** Those of the topic, oldest first. */
  of(topic: string): StandingAlert[]
  /** False: there is no room to remember it. */
  add(topic: string, alert: StandingAlert): boolean
  remove(topic: string, id: string): void
  all(): Array<[topic: string, alerts: StandingAlert[]]>
}

export function createStanding(saved: Array<[string, StandingAlert[]]>): Standing {
  const topics = new Map(saved)
  let size = saved.reduce((sum, [, alerts]) => sum + alerts.length, 0)

  return {
    of: (topic) => topics.get(topic) ?? [],
    add(topic, { id, rule, severity, title }) {
      const others = (topics.get(topic) ?? []).filter((it) => it.id !== id)
      const isKnown = others.length < (topics.get(topic)?.length ?? 0)
      if (!isKnown && size >= limits.standingAlertsMax) return false
      topics.set(topic, [...others, { id, rule, severity, title }])
      if (!isKnown) size++
      return true
    },
    remove(topic, id) {
      const before = topics.get(topic) ?? []
      const others = before.filter((it) => it.id !== id)
      size -= before.length - others.length
      if (others.length === 0) topics.delete(topic)
      else topics.set(topic, others)
    },
    all: () => [...topics],
  }
}
