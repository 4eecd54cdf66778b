/**
 * What waits for one notifier, in order and bounded. What is told of an alert that changes while it waits becomes one: who was away
 * hears how things stand, not each step. Pure: its lane keeps it on disk.
 */
import type { Notification } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Told } from './parcel.ts'

export type QueueDrop = 'merged' | 'overflow' | 'expired'

export type Queue = {
  length(): number
  push(notification: Notification): void
  /** The first `count`, which stay until they are done, and are not changed meanwhile. */
  take(count: number): Told[]
  /** What was taken is told, or will never be. */
  done(): void
  /** What was taken waits again. */
  putBack(): void
  expire(nowMs: number): void
  all(): Told[]
}

export function createQueue(saved: Told[], waitingMax: number, onDrop: (drop: QueueDrop) => void): Queue {
  let waiting: Told[] = []
  /** So many of them are on their way. */
  let taken = 0

  /** Adds it behind the others, or to what waits of the same alert. */
  function add(told: Told): void {
    const { kind, alert } = told.notification
    const isOlder = ({ notification: it }: Told, index: number) =>
      index >= taken && it.alert.id === alert.id && it.kind !== 'test' && it.kind !== 'resolved'
    const before = waiting.findIndex(isOlder)
    if (before === -1 || kind === 'test') {
      waiting.push(told)
      return
    }
    const older = waiting[before] as Told
    onDrop('merged')
    if (kind !== 'resolved') {
      // It still fires: the first telling keeps its place and kind, and says how it stands by now.
      waiting[before] = { ...older, notification: { ...told.notification, kind: older.notification.kind } }
      return
    }
    waiting.splice(before, 1)
    waiting.push({ notification: told.notification, isWhole: told.isWhole || older.notification.kind !== 'reminder' })
  }

  function bound(): void {
    while (waiting.length > waitingMax && waiting.length > taken) {
      waiting.splice(taken, 1)
      onDrop('overflow')
    }
  }

  /** A digest has no picture, so pictures of a long queue are only bytes on disk. */
  function withoutPicture(notification: Notification): Notification {
    if (waiting.length - taken < limits.notificationsSingleMax) return notification
    for (const told of waiting.slice(taken, taken + limits.notificationsSingleMax))
      told.notification = { ...told.notification, chart: null }
    return { ...notification, chart: null }
  }

  for (const told of saved) waiting.push(told)
  bound()

  return {
    length: () => waiting.length,
    push(notification) {
      add({ notification: withoutPicture(notification), isWhole: false })
      bound()
    },
    take(count) {
      taken = Math.min(count, waiting.length)
      return waiting.slice(0, taken)
    },
    done() {
      waiting.splice(0, taken)
      taken = 0
    },
    putBack() {
      taken = 0
      const again = waiting
      waiting = []
      // What came while they were on their way may be of the same alerts.
      for (const told of again) add(told)
      bound()
    },
    expire(nowMs) {
      const isOld = (told: Told | undefined) =>
        told !== undefined && nowMs - told.notification.atMs > limits.notificationAgeMsMax
      while (isOld(waiting[taken])) {
        waiting.splice(taken, 1)
        onDrop('expired')
      }
    },
    all: () => waiting,
  }
}
