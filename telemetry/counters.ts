/**
 * What was counted since the start of the process. Stages add; the console shows. The readings' own balance (stored,
 * quarantined, duplicate) lives in the store's Checkpoint instead, since it must survive a crash.
 */
import type { QuarantineCode, RefusalCode } from './errors.ts'
import type { CounterEvent, TimeQuality } from './quality.ts'
import type { QuarantineDrop } from './quarantine.ts'

/** What one source did. */
export type SourceCounters = {
  /** Readings that came from it. */
  received: number
  /** Retained readings left aside: they were published before the subscription began, nobody can say when. */
  retainedSkipped: number
  /** Connections that its broker granted. */
  connects: number
}

/** Connections of one address that the broker listens on. */
export type ListenerCounters = { open: number; total: number; refused: number }

/** MQTT packets of one direction. Bytes are those of whole packets, without TLS, WebSockets and TCP; publishBytes of payloads. */
export type TrafficCounters = { packets: number; bytes: number; publishes: number; publishBytes: number }

/**
 * How a notification ended. merged: told together with what came of the same alert before it was told; overflow and expired: it
 * waited behind too many, or for too long; rejected: its receiver will never take it; unknown: there is no notifier of that name.
 */
export type NotificationFate = 'sent' | 'merged' | 'overflow' | 'expired' | 'rejected' | 'unknown'

export type AlertEvent =
  | 'fired'
  | 'suppressed'
  | 'resolved'
  | 'refused'
  | 'seriesRefused'
  | 'forgotten'
  | 'auditForgotten'

export type Counters = {
  connectionsOpen: number
  connectionsTotal: number
  /** By address, as the configuration writes it. */
  listeners: { [address: string]: ListenerCounters }
  /** What passed between the broker and its clients; a PUBLISH of any kind is a publish. */
  mqtt: { received: TrafficCounters; sent: TrafficCounters }
  /** Subscriptions of clients that are connected. */
  subscriptionsLive: number
  /** Lines of the access log that its limit left out. */
  accessLogLeftOut: number
  /** Readings of the files of broker.tls while the broker ran. */
  certificateReloads: { done: number; failed: number }
  /** Readings that arrived: each is accepted, refused, or still waiting for the journal. */
  received: number
  /** Readings that were refused. */
  refusedReadings: number
  /** Everything that was refused, connections too, by code. */
  refused: Partial<Record<RefusalCode, number>>
  /** Messages that waited since their device sends faster than the limit. */
  throttled: number
  /** Outgoing QoS 0 messages dropped because their subscriber reads too slowly. */
  subscriberDropped: number
  /** Messages that a persistent session did not get: its queue was full, or they waited for too long. */
  sessionLost: Partial<Record<'dropped' | 'expired', number>>
  /** Sessions ended since their client was away for too long. */
  sessionsExpired: number
  /** Subscriptions not kept over the connection, too many sessions. */
  sessionsRefused: number
  /** Commands by what became of them at once. */
  commands: Partial<Record<'delivered' | 'waiting' | 'nobody', number>>
  /** Messages not retained since there are too many topics already. */
  retainedDropped: number
  /** Connections closed because their subscriber reads too slowly. */
  subscriberClosed: number
  pointsStored: number
  batchesStored: number
  storeRetries: number
  quarantined: Partial<Record<QuarantineCode, number>>
  /** Quarantined messages that a limit of the quarantine pushed out, by which one. */
  quarantineDropped: Partial<Record<QuarantineDrop, number>>
  /** Devices beyond the limit, whose sequences and counters are not known over a restart. */
  devicesNotRemembered: number
  /** Reports in a count of sequence numbers beyond the limit of their device. */
  streamsNotRemembered: number
  /** What codecs would have had to know of earlier messages (Sparkplug's births), beyond the limit. */
  codecMemoryRefused: number
  /** Points of the platform itself (completeness, states of devices) that the store refused. */
  platformPointsRejected: number
  /** Readings by what their time came from, where it is neither the device's clock nor our receive time. */
  timesMended: Partial<Record<TimeQuality, number>>
  /** Readings of counters by what became of them. */
  counterEvents: Partial<Record<CounterEvent, number>>
  /** Alerts by what became of them, and what limits left out: alerts, what rules remember, entries of lists. */
  alerts: Partial<Record<AlertEvent, number>>
  /** What ingest knows of devices could not be saved; the journal is kept until it can. */
  stateSaveFailures: number
  /** Notifications by what became of them; those that wait are in none. */
  notifications: Partial<Record<NotificationFate, number>>
  /** Tries to reach a notifier's receiver that failed; what they carried is tried again. */
  notifierFailures: number
  /** Subscriptions to Web Push removed since their push service said that they are gone. */
  pushSubscriptionsGone: number
  /** Alerts beyond the limit that the MQTT notifier cannot keep retained. */
  standingAlertsDropped: number
  /** Changes of the configuration file, taken and not. */
  reloads: { done: number; failed: number }
  liveClients: number
  liveClosed: number
  sources: { [name: string]: SourceCounters }
}

const createTraffic = (): TrafficCounters => ({ packets: 0, bytes: 0, publishes: 0, publishBytes: 0 })

export const createCounters = (): Counters => ({
  connectionsOpen: 0,
  connectionsTotal: 0,
  listeners: {},
  mqtt: { received: createTraffic(), sent: createTraffic() },
  subscriptionsLive: 0,
  accessLogLeftOut: 0,
  certificateReloads: { done: 0, failed: 0 },
  received: 0,
  refusedReadings: 0,
  refused: {},
  throttled: 0,
  subscriberDropped: 0,
  sessionLost: {},
  sessionsExpired: 0,
  sessionsRefused: 0,
  commands: {},
  retainedDropped: 0,
  subscriberClosed: 0,
  pointsStored: 0,
  batchesStored: 0,
  storeRetries: 0,
  quarantined: {},
  quarantineDropped: {},
  devicesNotRemembered: 0,
  streamsNotRemembered: 0,
  codecMemoryRefused: 0,
  platformPointsRejected: 0,
  timesMended: {},
  counterEvents: {},
  alerts: {},
  stateSaveFailures: 0,
  notifications: {},
  notifierFailures: 0,
  pushSubscriptionsGone: 0,
  standingAlertsDropped: 0,
  reloads: { done: 0, failed: 0 },
  liveClients: 0,
  liveClosed: 0,
  sources: {},
})

export function count<Code extends string>(by: Partial<Record<Code, number>>, code: Code): void {
  by[code] = (by[code] ?? 0) + 1
}
