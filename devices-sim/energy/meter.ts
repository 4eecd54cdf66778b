/** What a device tells of its work, so that bytes and energy can be billed by cause. */
export const causes = [
  'payload',
  'topic',
  'header',
  'acknowledgement',
  'keepalive',
  'handshake',
  'tail',
  'sample',
  'sleep',
] as const
export type Cause = (typeof causes)[number]

export type Meter = {
  /** A connection was opened at that time (attach, TCP, TLS), CONNECT and CONNACK of so many MQTT bytes with it. */
  connected(atMs: number, mqttBytesUp: number, mqttBytesDown: number): void
  published(atMs: number, bytes: { header: number; topic: number; payload: number }, isAcknowledged: boolean): void
  pinged(atMs: number): void
  /** DISCONNECT, or the connection broke. */
  disconnected(atMs: number): void
  sampled(atMs: number): void
  /** Volts of the cell now, under the current of the radio when it is on; null: mains. */
  volts(atMs: number, isRadioOn: boolean): number | null
  /** Nothing is left in the cell. */
  isEmpty(atMs: number): boolean
}
