/** /metrics for Prometheus. Values are read when they are asked for; nothing is counted twice. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { ListenerCounters, SourceCounters, TrafficCounters } from '../telemetry/counters.ts'
import type { Times } from '../telemetry/times.ts'
import { type AlertMetricsSource, registerAlertMetrics } from './alert-metrics.ts'
import { eachOf, metricKinds } from './metric-kinds.ts'
import type { Balance, Health } from './status.ts'
import { registerTimes } from './times-metric.ts'

export type MetricsSource = AlertMetricsSource & {
  balance: () => Balance
  journal: () => { bytes: number; segments: number; syncs: number; syncTimes: Times; unsyncedBytes: number }
  /** Null until the broker is there. */
  broker: () => { [name: string]: number } | null
  devices: () => { [state: string]: number }
  health: () => Promise<Health>
}

export function createMetrics(source: MetricsSource): Registry {
  const registry = new Registry()
  const { counters, balance, journal } = source
  collectDefaultMetrics({ register: registry })

  const { counter, gauge, counters: countersBy, gauges: gaugesBy } = metricKinds(registry)
  const byCode = (name: string, help: string, read: () => { [code: string]: number | undefined }) =>
    countersBy(name, help, 'code', read)
  const byListener = (name: string, help: string, read: (listener: ListenerCounters) => number) =>
    countersBy(name, help, 'listener', () => eachOf(counters.listeners, read))
  const byDirection = (name: string, help: string, key: keyof TrafficCounters) =>
    countersBy(name, help, 'direction', () => eachOf(counters.mqtt, (it) => it[key]))
  const bySource = (name: string, help: string, read: (source: SourceCounters) => number) =>
    countersBy(name, help, 'source', () => eachOf(counters.sources, read))

  counter('readings_received_total', 'Readings that arrived', () => balance().received)
  counter('readings_accepted_total', 'Readings that the journal took', () => balance().accepted)
  counter('readings_refused_total', 'Readings that were refused', () => balance().refused)
  counter('readings_stored_total', 'Readings that the store has', () => balance().stored)
  counter('readings_quarantined_total', 'Readings kept with a reason', () => balance().quarantined)
  counter('readings_duplicate_total', 'Readings that came before', () => balance().duplicate)
  counter('readings_damaged_total', 'Readings that a damaged journal cannot give back', () => balance().damaged)
  gauge('readings_held', 'Readings in the journal on the way to the store', () => balance().held)
  gauge('readings_waiting', 'Readings that wait because the journal is full', () => balance().waiting)

  gauge('broker_connections', 'Open MQTT connections', () => counters.connectionsOpen)
  counter('broker_connections_total', 'MQTT connections since the start', () => counters.connectionsTotal)
  byDirection('broker_packets_total', 'MQTT packets of any type', 'packets')
  byDirection('broker_bytes_total', 'Bytes of MQTT packets', 'bytes')
  byDirection('broker_publishes_total', 'PUBLISH packets', 'publishes')
  byDirection('broker_publish_bytes_total', 'Bytes of the payloads of PUBLISH packets', 'publishBytes')
  byListener('broker_listener_connections_total', 'Connections of a listener', (it) => it.total)
  byListener('broker_listener_refused_total', 'Connections beyond a limit, at a listener', (it) => it.refused)
  gaugesBy('broker_listener_connections', 'Open connections of a listener', 'listener', () =>
    eachOf(counters.listeners, (it) => it.open),
  )
  byCode(
    'broker_certificate_reloads_total',
    'Changes of the certificate, done and failed',
    () => counters.certificateReloads,
  )
  byCode('broker_refused_total', 'Everything that an entrance refused, by code', () => counters.refused)
  counter('broker_access_log_left_out_total', 'Lines beyond the limit of the log', () => counters.accessLogLeftOut)
  counter('broker_throttled_total', 'Messages of devices that send faster than the limit', () => counters.throttled)
  counter(
    'broker_subscriber_dropped_total',
    'QoS 0 messages not sent to slow subscribers',
    () => counters.subscriberDropped,
  )
  counter(
    'broker_subscriber_closed_total',
    'Subscribers closed because they read too slowly',
    () => counters.subscriberClosed,
  )

  byCode('broker_session_lost_total', 'Messages that a session did not get, by why', () => counters.sessionLost)
  counter('broker_sessions_expired_total', 'Sessions ended, away for too long', () => counters.sessionsExpired)
  counter('broker_sessions_refused_total', 'Subscriptions not kept, too many sessions', () => counters.sessionsRefused)
  byCode('broker_commands_total', 'Commands, by what became of them at once', () => counters.commands)
  counter('broker_retained_dropped_total', 'Messages not retained, too many topics', () => counters.retainedDropped)

  const ofBroker = (name: string, help: string, key: string) => gauge(name, help, () => source.broker()?.[key] ?? 0)
  ofBroker('broker_clients', 'Admitted clients that are connected', 'clients')
  ofBroker('broker_subscriptions', 'Subscriptions of clients that are connected', 'subscriptions')
  ofBroker('broker_sessions', 'Persistent sessions that hold something', 'sessions')
  ofBroker('broker_session_messages', 'Messages that wait in sessions', 'queued')
  ofBroker('broker_session_bytes', 'Memory of messages that wait in sessions', 'queuedBytes')
  ofBroker('broker_retained_messages', 'Topics with a retained message', 'retained')
  ofBroker('broker_retained_bytes', 'Memory of retained messages', 'retainedBytes')
  ofBroker('broker_session_log_bytes', 'Size of the log of sessions on disk', 'sessionLogBytes')

  bySource('source_received_total', 'Readings that came from a source', (it) => it.received)
  bySource('source_retained_skipped_total', 'Readings older than the subscription', (it) => it.retainedSkipped)
  bySource('source_connects_total', 'Connections that the broker of a source granted', (it) => it.connects)

  gauge('journal_bytes', 'Bytes that the journal holds', () => journal().bytes)
  gauge('journal_segments', 'Files of the journal', () => journal().segments)
  counter('journal_syncs_total', 'Groups of records that were synced', () => journal().syncs)
  gauge('journal_unsynced_bytes', 'Bytes that wait for their sync', () => journal().unsyncedBytes)
  registerTimes(
    registry,
    'dewpoint_journal_sync_seconds',
    'How long writes with their syncs took',
    () => journal().syncTimes,
  )

  counter('ingest_points_stored_total', 'Points written since the start', () => counters.pointsStored)
  counter('ingest_batches_total', 'Batches written since the start', () => counters.batchesStored)
  counter('ingest_store_retries_total', 'Batches that had to be tried again', () => counters.storeRetries)
  byCode('ingest_times_mended_total', 'Readings with a reckoned, corrected or doubted time', () => counters.timesMended)
  byCode('ingest_counter_events_total', 'Readings of counters, by what became of them', () => counters.counterEvents)
  counter('ingest_devices_not_remembered_total', 'Devices beyond the limit', () => counters.devicesNotRemembered)
  counter(
    'ingest_streams_not_remembered_total',
    'Reports whose sequence was not followed, since their device has too many',
    () => counters.streamsNotRemembered,
  )
  counter(
    'ingest_codec_memory_refused_total',
    'Births of Sparkplug edge nodes beyond the limit',
    () => counters.codecMemoryRefused,
  )
  counter(
    'ingest_platform_points_rejected_total',
    'Points of completeness and device states that the store refused',
    () => counters.platformPointsRejected,
  )
  counter(
    'ingest_state_save_failures_total',
    'Times that the state of ingest could not be saved',
    () => counters.stateSaveFailures,
  )
  byCode('config_reloads_total', 'Changes of the configuration, done and failed', () => counters.reloads)
  byCode('ingest_quarantined_total', 'Messages quarantined since the start, by code', () => counters.quarantined)
  byCode(
    'ingest_quarantine_dropped_total',
    'Entries that a limit of the quarantine pushed out: size or age',
    () => counters.quarantineDropped,
  )

  registerAlertMetrics(registry, source)

  gauge('console_live_clients', 'Open live streams', () => counters.liveClients)
  counter('console_live_closed_total', 'Live streams closed because they read too slowly', () => counters.liveClosed)
  gaugesBy('devices', 'Devices by state', 'state', source.devices)
  new Gauge({
    name: 'dewpoint_healthy',
    help: '1 for each check of /healthz that passes, else 0',
    labelNames: ['check'],
    registers: [registry],
    async collect() {
      for (const [check, { ok }] of Object.entries((await source.health()).checks)) this.set({ check }, ok ? 1 : 0)
    },
  })
  return registry
}
