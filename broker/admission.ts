/** What is said to those who may not connect, and who may not by name. Who else: access/. */
import { isReservedClient } from '../telemetry/client.ts'
import type { RefusalCode } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { isBroken } from '../telemetry/topic-rules.ts'

/** CONNACK return codes [MQTT-3.2.2.3]. */
const connackOf: Partial<Record<RefusalCode, number>> = {
  client_id_too_long: 2,
  client_id_invalid: 2,
  client_id_foreign: 2,
  not_accepting: 3,
  too_many_connections: 3,
  // A device that is told 4 or 5 may never try again.
  too_many_attempts: 3,
  bad_credentials: 4,
  // Whether a name was ever known is nobody's business.
  credential_revoked: 4,
}
export const connackCode = (code: RefusalCode): number => connackOf[code] ?? 5

/** The reason to refuse a client identifier, or null. `given` is the identifier of the packet, before one is made up. */
export function clientIdRefusal(given: string, isClean: boolean): RefusalCode | null {
  if (Buffer.byteLength(given) > limits.clientIdBytesMax) return 'client_id_too_long'
  // [MQTT-3.1.3-8]: a session that shall last needs a name.
  if (isBroken(given) || (given === '' && !isClean)) return 'client_id_invalid'
  return isReservedClient(given) ? 'client_id_invalid' : null
}
