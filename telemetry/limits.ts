/**
 * Every bound of the program by name. None is reached in silence: each has a counter or an error where it stands.
 */
import assert from 'node:assert'

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** Longest MQTT packet of an admitted client; longer closes the connection. */
  packetBytesMax: 256 * KiB,
  /** Longest packet before the CONNECT is granted. */
  packetBytesMaxBeforeConnect: 4 * KiB,
  clientIdBytesMax: 256,
  topicBytesMax: 1024,
  /** Less where the system allows fewer open files. */
  connectionsMax: 15_000,
  /** Files that connections leave for journal, store and page. */
  filesReserved: 200,
  /** Messages kept for one persistent session that is away; more are dropped, and counted. */
  sessionQueueMax: 1_000,
  /** Topics with a retained message; more are not retained, and counted. */
  retainedTopicsMax: 100_000,
  /** How long a connection may stay silent before its CONNECT. */
  connectTimeoutMs: 10_000,
  /** Packets of one connection that wait for the journal before the broker reads no more from its socket. */
  packetsInFlightMax: 64,
  /** Bytes that wait for a slow subscriber: QoS 0 to it is dropped from here on ... */
  subscriberBacklogBytesMax: 256 * KiB,
  /** ... and the connection is closed from here on. */
  subscriberBacklogBytesClose: 1 * MiB,

  segmentBytes: 16 * MiB,
  /** Journal on disk; when it is full, nothing is accepted until the store catches up. */
  journalBytesMax: 2048 * MiB,
  /** Room that the journal leaves on its disk for the store and everything else: this much, ... */
  diskReserveBytesMax: 64 * MiB,
  /** ... or this part of a small disk. */
  diskReserveShare: 16,
  /** One read of a journal reader. */
  journalReadBytes: 1 * MiB,

  batchPointsMax: 5_000,
  batchBytesMax: 1 * MiB,
  batchAgeMsMax: 100,
  /** How much journal is looked back upon to find a message that came twice. */
  duplicateWindowBytes: 16 * MiB,
  storeBackoffMsMin: 100,
  storeBackoffMsMax: 15_000,
  /** Raw bytes and reasons kept in the quarantine; the oldest are dropped beyond, and counted. */
  quarantineBytesMax: 16 * MiB,

  duckdbMemory: '512MB',
  /** Questions to the embedded store that wait for one another; more are refused. */
  storeQueriesWaitingMax: 50,
  /** Longest wait that a store may ask for between two tries. */
  storeRetryAfterMsMax: 60_000,

  /** After our own restart devices get this long to come back before they count as offline. */
  reconnectGraceMs: 30_000,

  /** Rows that one answer of the API carries at most; more is an error that names the way out. */
  readingRowsMax: 250_000,
  liveClientsMax: 200,
  /** A page that reads slower than this many bytes behind is disconnected; it reconnects by itself. */
  liveBacklogBytesMax: 1 * MiB,
} as const

assert(limits.packetBytesMaxBeforeConnect <= limits.packetBytesMax)
assert(limits.subscriberBacklogBytesMax < limits.subscriberBacklogBytesClose)
assert(limits.packetBytesMax + limits.clientIdBytesMax + 64 <= limits.journalReadBytes / 2, 'a record fits half a read')
assert(limits.journalBytesMax >= 4 * limits.segmentBytes + 2 * limits.duplicateWindowBytes)
