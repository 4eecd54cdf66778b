/**
 * Every bound of the program by name. None is reached in silence: each has a counter or an error where it stands.
 */
import assert from 'node:assert'

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** Longest MQTT packet of an admitted client; longer closes the connection. */
  packetBytesMax: 256 * KiB,
  /** Longest CONNECT; nothing behind it is read before it is granted. */
  packetBytesMaxBeforeConnect: 4 * KiB,
  clientIdBytesMax: 256,
  /** Topic filters of one SUBSCRIBE or UNSUBSCRIBE; more close the connection. */
  filtersPerPacketMax: 1_000,
  /** Filters of all connections that are taken before all else gets its turn. */
  filtersPerTurn: 200,
  /** Live subscriptions of one client, ... */
  subscriptionsPerClientMax: 1_000,
  /** ... and of all together; more are not granted. */
  subscriptionsMax: 250_000,
  /** Levels of a topic; more close the connection. */
  topicLevelsMax: 200,
  /** Levels of a topic filter, as many as aedes' memory of sessions can match; more are not granted. */
  filterLevelsMax: 100,
  topicBytesMax: 1024,
  /** Of all processes together; in each it is less where the system allows fewer open files. */
  connectionsMax: 300_000,
  /** Processes that hold connections. */
  workersMax: 64,
  /**
   * Connections that the kernel completes while we are busy; less where net.core.somaxconn is. Those of a storm beyond it
   * are heard again after 1, 3 and 7 s.
   */
  acceptBacklog: 4_096,
  /** How long a device may sleep and still resume its TLS session without a full handshake [RFC 8446 §4.6.1]. */
  tlsSessionS: 24 * 60 * 60,
  /** Headers of a request for a WebSocket. */
  webSocketHeaderBytesMax: 8 * KiB,
  /** One frame of an admitted client; before its CONNECT is granted it is one packet. */
  webSocketFrameBytesMax: 512 * KiB,
  /** Files that connections leave for journal, store and page. */
  filesReserved: 200,
  /** Messages kept for one persistent session that is away; more are dropped, and counted. */
  sessionQueueMax: 1_000,
  /** ... and their bytes, ... */
  sessionQueueBytesMax: 4 * MiB,
  /** ... and those of all sessions together. */
  queuedBytesMax: 256 * MiB,
  /** Persistent sessions; subscriptions of more hold only while the client is connected, and are counted. */
  sessionsMax: 100_000,
  /** A session whose client is away for longer is ended. */
  sessionExpiryMs: 7 * 86_400_000,
  /** A message that waits for a session for longer is dropped, and counted, where nothing else is said about it. */
  commandExpiryMs: 7 * 86_400_000,
  /** How often it is looked for what has expired. */
  sessionSweepMs: 30_000,
  /** How long the answer to a command waits for a client that is connected to acknowledge it. */
  commandAnswerMsMax: 2_000,
  /** Messages of sessions that one answer lists, and those that are gone without having been delivered that it remembers. */
  commandsListedMax: 1_000,
  /** Longest command, and its body over HTTP. */
  commandBytesMax: 64 * KiB,
  commandBodyBytesMax: 256 * KiB,
  /** The log of sessions is written anew when it holds so much history, and more history than state. */
  sessionsLogSlackBytes: 8 * MiB,
  /** One read or write of it. */
  sessionsLogChunkBytes: 1 * MiB,
  /** Topics with a retained message; more are not retained, and counted. */
  retainedTopicsMax: 100_000,
  /** Bytes of all retained messages. */
  retainedBytesMax: 64 * MiB,
  /** How long a connection may stay silent before its CONNECT. */
  connectTimeoutMs: 10_000,
  /** How long it may take to find out whether a client may connect; then it is told to try later. */
  authenticateMsMax: 30_000,
  /** How long what a client sent is still answered after it has ended its sending. */
  lastAnswersMsMax: 2_000,
  /** Packets of one connection that wait for the journal before the broker reads no more from its socket. */
  packetsInFlightMax: 64,
  /** Longest end of a read that is kept until the rest of its packet comes; of a longer packet aedes gets what there is. */
  packetTailBytesMax: 4 * KiB,
  /** Bytes that are on their way through a worker to a connection that has not taken them; what comes behind waits in the broker. */
  relayWindowBytes: 64 * KiB,
  /** Bytes between a worker and the broker from which on the worker reads nothing more from its connections. */
  relayBacklogBytes: 4 * MiB,
  /** Longest frame between a worker and the broker, and the piece that longer data is cut into. */
  relayFrameBytesMax: 512 * KiB,
  relayPieceBytes: 256 * KiB,
  /** How long a packet waits for what is before it to be handled, to take the short way; then it takes the long one. */
  shortWayWaitMs: 50,
  /** Topics of one connection that a worker takes itself; with more the one granted first is asked for anew. */
  grantsPerConnectionMax: 256,
  /** How long a grant that was just given is not given again. */
  grantAgainMs: 1_000,
  /** How long a worker may take to confirm that somebody listens; then it is ended and another one started. */
  workerAnswerMsMax: 5_000,
  /** How long nothing may come of a worker, which tells what it counted all the time, and how long its start may take. */
  workerSilentMsMax: 30_000,
  /** How long a worker may take to end by itself. */
  workerEndMsMax: 5_000,
  /** A worker that ended is started again after so long; longer each time when it ends at once. */
  workerBackoffMsMin: 100,
  workerBackoffMsMax: 10_000,
  /** A worker that lived for so long did not end at once. */
  workerSteadyMs: 30_000,
  /** How often a worker tells what it has counted. */
  workerTellMs: 1_000,
  /** How long a worker, or a start of Dewpoint, waits for the end of an earlier worker on the same part of the journal. */
  partClaimMsMax: 10_000,
  /** Topics of which it is remembered what they are, and whether anybody subscribes; all are forgotten when there are more. */
  topicsKnownMax: 16_384,
  /** How long a topic that somebody subscribed to is taken for one, milliseconds. */
  topicHeardMs: 1_000,
  /** Longest name of a site or device that signs in by it. */
  deviceNameBytesMax: 128,
  /** Topics of one client whose answer is remembered. */
  topicsRememberedPerClient: 8,
  /** Persistent sessions of one device or operator; the one that was here longest ago is discarded for a new one. */
  sessionsPerAccountMax: 16,
  /** What one device may send in the long run, ... */
  deviceMessagesPerS: 1_000,
  deviceBytesPerS: 1 * MiB,
  /** ... and at once, as when it empties its flash; the rest waits without acknowledgement. */
  deviceMessagesBurst: 10_000,
  deviceBytesBurst: 16 * MiB,
  /** 240,000 devices are 55 MiB. */
  devicesFileBytesMax: 256 * MiB,
  /** N * r * p of a password's hash: 64 MiB of memory, a quarter of a second. */
  passwordHashCostMax: 65_536 * 8,
  /** Passwords checked at once; the other threads are the journal's. */
  passwordChecksAtOnce: 2,
  /** Passwords that wait for their check; an address with more of them than any other gives way. */
  passwordChecksWaitingMax: 256,
  /** Devices whose right password is remembered, so that a storm of reconnects costs no hashes. */
  passwordsRememberedMax: 250_000,
  /** Wrong passwords that cost no wait: of one name from one address, ... */
  attemptsFreePerName: 5,
  attemptsWaitMsMaxPerName: 300_000,
  /** ... and of all names from one address, behind which there may be a whole site. */
  attemptsFreePerAddress: 50,
  attemptsWaitMsMaxPerAddress: 60_000,
  /** Names and addresses remembered for wrong passwords, each. */
  attemptsRememberedMax: 100_000,
  /** A wrong password is answered no earlier, so that the time tells nothing about the name. */
  wrongPasswordAnswerMsMin: 300,
  /** Lines that tell of refusals; more are counted in the next one. */
  refusalLogsPerS: 10,
  /** Lines of the access log; more are counted in the next one, and in a counter. */
  accessLogLinesPerS: 1_000,
  /** Longest text of a client in a line of the log, characters; what is longer is cut. */
  logTextCharsMax: 256,
  /** Filters of one SUBSCRIBE that a line of the log names. */
  logFiltersMax: 10,
  /** How often the topics below $SYS are told anew, as mosquitto does. */
  sysIntervalMs: 10_000,
  /** Bytes that wait for a slow subscriber: QoS 0 to it is dropped from here on ... */
  subscriberBacklogBytesMax: 256 * KiB,
  /** ... and the connection is closed from here on. */
  subscriberBacklogBytesClose: 1 * MiB,
  /** From here on the broker reads nothing more from a client until it has read what it was answered. */
  unreadAnswerBytesMax: 512 * KiB,
  /** Stored messages (retained, of a session's queue) wait from here on until the client has read those before. */
  storedBacklogBytesMax: 64 * KiB,
  /** Packets of QoS 1 and 2 to a client that it has not acknowledged; with more the connection is closed. */
  subscriberInFlightMax: 20_000,
  /** Sessions that are known to have been there when their client comes back, beyond those with subscriptions. */
  sessionsRememberedMax: 100_000,

  /** Readings that one message may hold; a message with more is quarantined. */
  readingsPerMessageMax: 10_000,
  /** Longest text that is one value among others; longer quarantines the message. */
  valueCharsMax: 1024,
  /** Longest payload of the text codec; longer is quarantined. */
  textBytesMax: 4 * KiB,
  /** What a compressed payload may become; more is quarantined without being inflated to its end. */
  inflatedBytesMax: 1 * MiB,
  /** Longest body of POST /api/ingest, ... */
  ingestBodyBytesMax: 1 * MiB,
  /** ... messages in one body, ... */
  ingestMessagesMax: 10_000,
  /** ... and requests at once, those that wait for the journal included: together they bound what HTTP holds in memory. */
  ingestRequestsMax: 32,
  /** What a sender who was told 503 should wait. */
  ingestRetryAfterS: 10,
  /** How long a request may take to arrive. */
  requestTimeoutMs: 60_000,

  /** Messages of a source that wait for the journal; then it reads no more. MQTT 5 brokers are told [MQTT5-3.1.2.11.3]. */
  sourceInFlightMax: 100,
  /** How long an MQTT 5 broker keeps our session, and messages for it, while we are away. */
  sourceSessionS: 7 * 24 * 60 * 60,
  sourceKeepAliveS: 60,
  sourceBackoffMsMin: 500,
  sourceBackoffMsMax: 30_000,

  /** Bytes that wait for one sync before the broker reads no more from any socket. */
  unsyncedBytesMax: 32 * MiB,
  /** How long records that trickle in wait for others to share a sync with. */
  groupHoldMsMax: 2,
  /** Readers of the journal are told of what is new so often ... */
  readersTellMs: 25,
  /** ... or when so much is. */
  readersTellBytes: 256 * KiB,
  segmentBytes: 16 * MiB,
  /** Journal on disk; when it is full, nothing is accepted until the store catches up. */
  journalBytesMax: 2048 * MiB,
  /** Room that the journal leaves on its disk for the store and everything else: this much, ... */
  diskReserveBytesMax: 64 * MiB,
  /** ... or this part of a small disk. */
  diskReserveShare: 16,
  /** One read of a journal reader. */
  journalReadBytes: 1 * MiB,
  /** The order of the journal's parts is written and synced no more often. */
  orderEveryMs: 10,
  /** One read of it. */
  orderReadBytes: 64 * KiB,
  /** It is written anew when it holds so much of what was released, and more of that than of the rest. */
  orderSlackBytes: 1 * MiB,

  batchPointsMax: 5_000,
  batchBytesMax: 1 * MiB,
  batchAgeMsMax: 100,
  /** Tags that a line of line protocol may bring along. */
  tagsPerReadingMax: 64,
  /** Seconds that a packed batch may reach back: ten years fill no sensor's memory. */
  packedSpanSMax: 10 * 366 * 86_400,
  /** Metrics that the births of a Sparkplug edge node, and of its devices together, may announce. */
  metricsPerEdgeMax: 5_000,
  metricNameLengthMax: 512,

  /** How much journal is looked back upon to find a message that came twice. */
  duplicateWindowBytes: 16 * MiB,
  /** Journal between two savings of what ingest knows of devices: as much is read again after a crash. */
  stateEveryBytes: 16 * MiB,
  /** Devices whose sequences, counters and clocks are known over a restart; more are not, and counted. */
  devicesRememberedMax: 1_000_000,
  /** Edge nodes whose births codecs know; those of more are not kept, and counted. */
  codecMemoryKeysMax: 10_000,
  /** Counts of sequence numbers of one device (topics, mostly); reports of more are taken, but not looked for, and counted. */
  streamsPerDeviceMax: 1_000,
  /** Hours of one device that the ledger tells apart at once; reports of more are counted in one of these, so sums stay right. */
  ledgerHoursMax: 2_000,
  /** Channels of all topics for which it is remembered where they go; with more this memory is begun anew. */
  targetsRemembered: 200_000,
  /** Boots of one count of sequence numbers. */
  bootsRemembered: 16,
  /** A greater leap of a sequence is a new count, not a loss. */
  sequenceGapMax: 100_000,
  /** Missing reports are looked for in this much time before the report that showed the gap. */
  gapSpreadMsMax: 31 * 24 * 3_600_000,
  /** Gaps of one count; what lies before is taken as new when it comes. */
  sequenceGapsRemembered: 64,
  /** Channels that one topic may bring; payloads name them, so that a broken device cannot fill the store with series. */
  channelsPerTopicMax: 1_000,
  /** Worst quartz of a device, parts per million. */
  deviceDriftPpm: 100,
  /** Said of the times of a device without a clock after its first report ... */
  timeUncertaintyMsFirst: 3_600_000,
  /** ... and told with a reading from here on. */
  timeUncertaintyMsTold: 1_000,
  /** No broker or gateway keeps a message for longer: a device that sent before that by its own clock has a slow one. */
  underwayMsMax: 7 * 24 * 3_600_000,
  /** A report that comes so long after it was measured is late. */
  lateAfterMs: 10 * 60_000,
  /** The completeness ledger goes to the store so often, by the journal's clock. */
  ledgerEveryMs: 15 * 60_000,
  /** What could not be saved is tried again after so long, even if nothing more comes. */
  stateRetryMs: 1_000,
  /** How long a start, or new routes, wait for the store to say which types its fields have; it may hang. */
  fieldTypesMsMax: 3_000,
  storeBackoffMsMin: 100,
  storeBackoffMsMax: 15_000,
  /** Raw bytes and reasons kept in the quarantine; the oldest are dropped beyond, and counted. */
  quarantineBytesMax: 16 * MiB,
  /** How long it keeps a message; older ones are dropped, and counted. */
  quarantineAgeMsMax: 90 * 86_400_000,
  /** Entries decided by a replay that are remembered, so that a second replay of one, on its way already, changes nothing. */
  quarantineResolutionsMax: 50_000,
  /** Entries that one question about the quarantine names. */
  quarantineIdsMax: 10_000,
  /** Body of such a question. */
  quarantineQuestionBytesMax: 512 * KiB,
  /** Messages shown with the points of the present routes in one answer, ... */
  quarantinePreviewsMax: 1_000,
  /** ... and characters of their points. */
  quarantinePreviewCharsMax: 4 * MiB,

  /** Devices of one profile of the simulator, and of all in a scenario together. */
  simulatedDevicesMax: 300_000,

  duckdbMemory: '512MB',
  /** Questions to the embedded store that wait for one another; more are refused. */
  storeQueriesWaitingMax: 50,
  /** Rows that one question of a scan brings into memory; a scan asks as often as it takes. */
  scanRows: 100_000,
  /** The same for strings where their lengths are not known before ... */
  scanTextRows: 2_000,
  /** ... and where they are: one counts as another row for each so many bytes. */
  scanTextBytes: 64,
  /** Longest wait that a store may ask for between two tries. */
  storeRetryAfterMsMax: 60_000,

  /** Notifications that a notifier sends in a minute, where nothing else is said about it; the rest waits. */
  notificationsPerMinute: 20,

  /** After our own restart devices get this long to come back before they count as offline. */
  reconnectGraceMs: 30_000,
  /** A record stands in the journal at least so often while any device is due at some time. */
  heartbeatMs: 10_000,
  /** A longer time without one was not witnessed, and counts against no device. */
  unwitnessedMsMax: 20_000,
  /** A report is late by this part of its interval, and by no less than this. */
  lateShare: 0.2,
  lateMsMin: 5_000,
  /** So many reports missed: the device is lost. */
  reportsMissedMax: 3,
  /** No device is believed that it will be silent for longer. */
  nextReportMsMax: 366 * 86_400_000,
  /** Messages of a device within this time are one report. */
  sameReportMs: 1_000,
  /** From so many gaps between reports on an interval is learned, and so many are remembered. */
  gapsLearnedMin: 8,
  gapsRemembered: 16,
  /** A quicker rhythm is no contract: it may be that of an old backlog. */
  rhythmMsMin: 30_000,
  /** A connection that reported and broke within this time was a visit, ... */
  visitMsMax: 30_000,
  /** ... for a device that reports no more often than this. */
  visitIntervalMsMin: 60_000,
  /** Reports of a device that are looked into for what it declares; when none of them does, one is after so long. */
  looksVainMax: 8,
  looksVainMs: 3_600_000,
  /** For alert rules and health a device is looked into no more often. */
  lookMsMin: 1_000,
  /** Longest text kept as a fact of a device, its firmware for one. */
  factCharsMax: 64,

  /** Notifications that wait for one notifier; the oldest are dropped beyond, and counted. */
  notificationsWaitingMax: 1_000,
  /** One that waited for longer is dropped, and counted: nobody is woken by the news of yesterday. */
  notificationAgeMsMax: 24 * 3_600_000,
  /** More than so many that wait for the same notifier are told as one, ... */
  notificationsSingleMax: 5,
  /** ... which carries no more than this, ... */
  digestNotificationsMax: 200,
  /** ... and names so many. */
  digestLinesMax: 20,
  /** How long one try to reach a notifier's receiver may take, its answer included. */
  notifierTryMsMax: 10_000,
  notifierBackoffMsMin: 1_000,
  notifierBackoffMsMax: 5 * 60_000,
  /** Longest wait that a receiver may ask for. */
  notifierRetryAfterMsMax: 3_600_000,
  /** How long a close waits for a try under way. */
  notifierCloseMsMax: 1_000,
  /** What waits is written to disk so long after it changed. */
  notifierSaveMs: 500,
  /** Notifications remembered as told, so that a replay of the journal after a crash tells none twice. */
  notificationsToldMax: 1_000,
  /** Points of a chart that a notification keeps; of more, the lowest and highest of each stretch. */
  chartPointsMax: 480,
  /** How far back the picture of an alert goes, how many readings it is made of, and how long a notification waits for it. */
  alertChartMs: 6 * 3_600_000,
  alertChartRowsMax: 10_000,
  alertChartWaitMsMax: 500,
  /** Longest title and text that a notifier sends, characters; what is longer is cut. */
  notificationTitleCharsMax: 200,
  notificationTextCharsMax: 2_000,
  /** How long a link in a notification can acknowledge or mute. */
  actionLinkMsMax: 24 * 3_600_000,
  /** How long its mute lasts. */
  actionMuteMs: 3_600_000,
  /** Longest token of such a link. */
  actionTokenCharsMax: 1_024,
  /** Alerts that the MQTT notifier keeps retained; those beyond are published without, and counted. */
  standingAlertsMax: 10_000,
  /** Phones and browsers subscribed to Web Push; more are refused. */
  pushSubscriptionsMax: 1_000,
  /** Push services asked at once. */
  pushesAtOnce: 8,
  /** How long a push service keeps a message for a phone that is off. */
  pushKeepS: 24 * 3_600,
  /** Longest JSON within an encrypted push: what every push service takes [RFC 8291 §4], less the room of its padding. */
  pushBytesMax: 3_000,

  /** Alerts that stand at once, those of a group's devices too; more are not made, and counted. */
  alertsStandingMax: 100_000,
  /** Alerts that are over and still listed; the oldest are forgotten, and counted. The store has them. */
  alertsResolvedMax: 2_000,
  /** Devices that one alert names. */
  alertDevicesMax: 100,
  /** What alert rules remember of values, for each rule and device; more are not followed, and counted. */
  alertSeriesMax: 500_000,
  /** Who did what: the oldest are forgotten, and counted. */
  auditEntriesMax: 1_000,
  /** Maintenance windows opened by people; more are refused. */
  maintenanceMax: 1_000,
  /** A device that is back so soon was replaced by itself, and makes no alert. */
  alertGraceMs: 150,
  /** So many devices that share something, and so large a share of them, make their silence one outage. */
  waveDevicesMin: 3,
  waveShareMin: 0.6,
  /** How long a device that was well and fell silent counts for a wave, or four times its interval if that is longer, ... */
  waveWindowMs: 15 * 60_000,
  /** ... which is taken for this at most. */
  waveIntervalMsMax: 2 * 86_400_000,
  /** An alert waits so long for others when so many, and so large a share, of those that share something fell silent at once, ... */
  waveWaitMs: 100,
  waveBurst: 5,
  waveBurstMs: 250,
  waveBurstHintMin: 0.005,
  /** ... or so large a share of them within the window, the last of them a short while ago; ... */
  waveHintMin: 0.2,
  waveQuietMs: 10_000,
  /** ... but no longer than this. So long waits each silence that was noticed late, where the device shares something with others. */
  waveHoldMsMax: 60_000,
  /** A wave is told of when nobody has joined it for so long, and at the latest after this. */
  waveSettleMs: 300,
  waveSettleMsMax: 2_000,
  /** How long, or 1.2 times its interval if that is longer, a device may stay away after most others of its group are back. */
  groupRestMs: 60_000,
  /** Firing more often than this within the window is flapping. */
  flapTimes: 5,
  flapWindowMs: 15 * 60_000,
  /** How many times of it are counted. */
  flapTimesMax: 100,
  /** Our own outages that are known, to tell whose fault it is when reports are missing; of older ones it is unknown. */
  outagesRemembered: 1_000,

  /** Devices whose health is known; that of more is not, and counted. */
  healthDevicesMax: 100_000,
  /** Channels of a device that are watched for values that do not change. */
  healthChannelsMax: 32,
  /** Means that a trend of months is reckoned from. */
  healthTrendMeansMax: 24,
  /** A shorter trend tells nothing. */
  healthTrendDaysMin: 14,
  /** Boots of a device within a day that are told apart. */
  healthBootsMax: 50,

  /** Rows that one answer of the API carries at most; more is an error that names the way out. */
  readingRowsMax: 250_000,
  /** Exports that run at once; each keeps the store busy for as long as it lasts. */
  exportsMax: 4,
  /** Devices that one answer lists; the next page is asked for by the last one. */
  devicesListedMax: 10_000,
  /** Changes of state in one timeline. */
  timelineChangesMax: 10_000,
  /** Alerts, or entries of the audit, that one answer lists. */
  alertsListedMax: 1_000,
  /** Longest mute. */
  muteMsMax: 30 * 86_400_000,
  /** Body of a subscription to Web Push. */
  pushSubscriptionBytesMax: 8 * KiB,
  /** Body of the form that a link in a notification shows: it is empty. */
  actBodyBytesMax: 1 * KiB,
  liveClientsMax: 200,
  /** A page that reads slower than this many bytes behind is disconnected; it reconnects by itself. */
  liveBacklogBytesMax: 1 * MiB,
} as const

assert(limits.packetBytesMaxBeforeConnect <= limits.packetBytesMax)
assert(limits.webSocketFrameBytesMax > limits.packetBytesMax + 5, 'a frame holds the longest packet')
// Each message passes at some time.
assert(limits.packetBytesMax <= limits.deviceBytesBurst)
assert(limits.relayPieceBytes + KiB <= limits.relayFrameBytesMax)
assert(limits.subscriberBacklogBytesMax < limits.unreadAnswerBytesMax)
assert(limits.unreadAnswerBytesMax < limits.subscriberBacklogBytesClose)
assert(limits.storedBacklogBytesMax + limits.packetBytesMax < limits.subscriberBacklogBytesClose)
assert(limits.subscriberInFlightMax < 65_535, 'a packet identifier is free again before it is given anew')
assert(limits.heartbeatMs < limits.unwitnessedMsMax && limits.unwitnessedMsMax <= limits.reconnectGraceMs)
assert(limits.notificationsSingleMax < limits.digestNotificationsMax)
assert(limits.digestNotificationsMax <= limits.notificationsWaitingMax)
assert(limits.valueCharsMax <= limits.textBytesMax && limits.textBytesMax <= limits.packetBytesMax)
assert(limits.packetBytesMax + limits.clientIdBytesMax + 64 <= limits.journalReadBytes / 2, 'a record fits half a read')
assert(
  limits.journalBytesMax >= 4 * limits.segmentBytes + 2 * limits.duplicateWindowBytes + limits.stateEveryBytes,
  'what must be kept leaves room for what comes',
)
assert(
  Math.ceil(limits.packetBytesMax / 3) * 4 + 6 * (limits.clientIdBytesMax + limits.topicBytesMax) + KiB <=
    limits.journalReadBytes / 2,
  'a quarantined packet in base64, with names of which JSON escapes every byte, fits a record',
)
