/**
 * What the firmware of a simulated device asks of its modem and MQTT library. Every answer comes by a call of `events`, never
 * within the call that asked. After `closed` nothing more comes of a connection, and calls of it do nothing.
 */
import type { Qos } from '../telemetry/message.ts'

export type ConnectOptions = {
  clientId: string
  username?: string
  password?: string
  keepAliveS: number
  clean: boolean
  will?: { topic: string; payload: string; qos: 0 | 1; retain: boolean }
}

export type ConnectionEvents = {
  connected(sessionPresent: boolean): void
  acknowledged(packetId: number): void
  message(topic: string, payload: Buffer): void
  ponged(): void
  /** refused: CONNACK said no, or nobody listens. lost: the connection broke. ended: by our own end(). */
  closed(why: 'refused' | 'lost' | 'ended', detail: string): void
}

export type OutgoingPublish = {
  topic: string
  payload: Buffer
  qos: Exclude<Qos, 2>
  retain: boolean
  dup: boolean
  /** 0 with QoS 0. */
  packetId: number
}

export type Connection = {
  publish(packet: OutgoingPublish): void
  subscribe(filter: string, qos: 0 | 1): void
  ping(): void
  /** DISCONNECT, then the end of the connection. */
  end(): void
  /** Breaks it without a word. `closed` comes to nobody. */
  drop(): void
}

export type Transport = {
  open(options: ConnectOptions, events: ConnectionEvents): Connection
  close(): Promise<void>
}
