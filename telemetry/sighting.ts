/** What a record says of a device beyond that it lives: what liveness, health and alert rules go by. */
import type { DeviceName } from './device.ts'
import type { Record } from './message.ts'
import type { Value } from './reading.ts'

export type SightedValue = { channel: string; unit: string; value: Value; timeMs: number }

export type Sighting = {
  name: DeviceName
  /** The device says, or its route does (`every:`), that it reports again within so many seconds; null: neither. */
  nextS: number | null
  /** Last reading of each channel (channelOf in schema.ts) in the report, as it is stored. */
  values: SightedValue[]
  boot: number | null
  sequence: number | null
  /** How far the device's clock was off when it sent, ms; null: it told none. */
  clockErrorMs: number | null
}

/**
 * Decodes a PUBLISH by the routes of now, without I/O and without a trace. It costs as much as ingest's own decoding, so ask for what
 * is needed only. Null: no route, or not decodable.
 */
export type Look = (record: Record) => Sighting | null
