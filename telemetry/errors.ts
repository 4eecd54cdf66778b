/** Errors sorted by what to do next. Codes are a closed list, fit to be a metric label. */

/** Why a message stands in the quarantine. */
export const quarantineCodes = {
  no_route: 'no route matches the topic',
  bad_topic: 'a level of the topic cannot be a tag',
  bad_payload: 'the payload is not what the route announces',
  bad_value: 'the value is not a finite number',
  bad_time: 'the time cannot be read, or lies outside what can be stored',
  bad_sequence: 'the sequence number is not a whole number from 0 on',
  out_of_range: 'the value lies outside the valid range that the route gives',
  wrong_type: 'the value is not of the type that the route gives its field',
  counter_glitch: 'the counter moved as neither a wrap nor a restart nor a plausible amount explains',
  unknown_channel: 'the route does not say what this channel of the payload is',
  no_birth: 'a Sparkplug metric was not announced by a birth',
  store_rejected: 'the store refused this point',
} as const
export type QuarantineCode = keyof typeof quarantineCodes

/** Why an entrance (broker, HTTP, source) said no. */
export const refusalCodes = {
  packet_too_large: 'a packet was longer than the limit',
  packet_malformed: 'a packet broke the rules of MQTT',
  client_id_too_long: 'the client identifier was longer than the limit',
  client_id_invalid: 'the client identifier is reserved, or it or the will topic holds characters that MQTT forbids',
  topic_invalid: 'the topic is empty, too long, or holds characters that MQTT forbids',
  client_id_foreign: 'the client identifier does not begin with the name of the device, or another account has it',
  topic_denied: 'the rules of access do not let the client publish to the topic, or will it',
  subscription_denied: 'the rules of access do not let the client subscribe to the filter',
  topic_reserved: 'topics that begin with $ belong to the broker',
  filter_invalid: 'the topic filter has too many levels',
  too_many_subscriptions: 'the limit of subscriptions, of the client or of all, is reached',
  not_acknowledging: 'the client does not acknowledge what it is sent',
  authentication_timeout: 'nobody said in time whether the client may connect',
  bad_credentials: 'user name, password or token are wrong',
  credential_revoked: 'the device was revoked, or given another password',
  too_many_attempts: 'too many wrong passwords came from the address, or wait to be checked',
  too_many_connections_from_address: 'the limit of open connections from one address is reached',
  not_accepting: 'the journal cannot take messages',
  abandoned: 'the connection ended while its message waited for room in the journal, or its password for a check',
  too_many_connections: 'the limit of open connections is reached',
  tls_failed: 'a TLS handshake failed, or the certificate of the client is not trusted',
  upgrade_refused: 'a WebSocket was asked for by a wrong path, subprotocol, host or origin',
  handshake_timeout: 'TLS handshake and WebSocket upgrade took too long',
  request_invalid: 'an HTTP request is not what the ingest entrance reads',
  too_many_requests: 'the limit of ingest requests at once is reached',
  request_too_large: 'an HTTP request has more bytes or messages than the limit',
} as const
export type RefusalCode = keyof typeof refusalCodes

/** A problem with one message: a value, never thrown. */
export type MessageProblem = { code: QuarantineCode; detail: string }

/** A store that cannot answer now. The journal holds; try again. */
export class UnavailableError extends Error {
  readonly code: string
  readonly retryAfterMs: number | undefined
  constructor(code: string, detail: string, retryAfterMs?: number) {
    super(detail)
    this.name = 'UnavailableError'
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** Going on would break the promise of a PUBACK: stop accepting, be unhealthy, keep the files. */
export class FatalError extends Error {
  constructor(detail: string, cause?: unknown) {
    super(detail, { cause })
    this.name = 'FatalError'
  }
}

/** The connection that brought a message ended while the message waited for room: it is refused, the device sends it again. */
export class AbandonedError extends Error {
  constructor() {
    super('the connection ended before there was room')
    this.name = 'AbandonedError'
  }
}

/** The start failed for a reason that the operator can mend: one line for each problem, exit 2. */
export class StartError extends Error {
  readonly problems: string[]
  constructor(problems: string | string[]) {
    const list = typeof problems === 'string' ? [problems] : problems
    super(list.join('\n'))
    this.name = 'StartError'
    this.problems = list
  }
}
