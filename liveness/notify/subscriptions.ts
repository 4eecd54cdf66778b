/** Phones and browsers that subscribed to Web Push: checked, bounded, and kept in the data folder. */
import { createECDH } from 'node:crypto'
import { isIP } from 'node:net'
import type { RefusalCode } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'
import { writeJson } from './json-file.ts'

/** What PushSubscription.toJSON() of a browser gives. */
export type PushSubscription = { endpoint: string; keys: { p256dh: string; auth: string } }

export type SubscriptionProblem = { code: RefusalCode; detail: string }

export type Subscriptions = {
  all(): PushSubscription[]
  /** Replaces the one of the same endpoint. Null: done, and on disk. */
  add(given: unknown): Promise<SubscriptionProblem | null>
  /** Whether there was one. */
  remove(endpoint: string): Promise<boolean>
}

const endpointCharsMax = 2_048

/**
 * Anybody who reaches the page can name an endpoint, to which we then send: a push service has a name and speaks HTTPS, machines of
 * our own network mostly do not.
 */
export function isPushService(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isNamed = isIP(host) === 0 && host.includes('.') && !/\.(localhost|local|internal|lan)$/.test(host)
  return url.protocol === 'https:' && isNamed && url.username === '' && url.password === ''
}

export function createSubscriptions(
  saved: PushSubscription[],
  path: string,
  isEndpoint: (url: URL) => boolean,
): Subscriptions {
  const byEndpoint = new Map(saved.map((it) => [it.endpoint, it]))
  let saving: Promise<void> = Promise.resolve()
  function save(): Promise<void> {
    const saved = saving.then(() => writeJson(path, [...byEndpoint.values()]))
    saving = saved.catch(() => {})
    return saved
  }

  return {
    all: () => [...byEndpoint.values()],
    async add(given) {
      const read = readSubscription(given, isEndpoint)
      if ('code' in read) return read
      if (!byEndpoint.has(read.endpoint) && byEndpoint.size >= limits.pushSubscriptionsMax)
        return { code: 'too_many_requests', detail: `${byEndpoint.size} subscriptions are the limit, remove one first` }
      byEndpoint.set(read.endpoint, read)
      await save()
      return null
    },
    async remove(endpoint) {
      const wasThere = byEndpoint.delete(endpoint)
      if (wasThere) await save()
      return wasThere
    },
  }
}

function readSubscription(given: unknown, isEndpoint: (url: URL) => boolean): PushSubscription | SubscriptionProblem {
  const invalid = (detail: string): SubscriptionProblem => ({ code: 'request_invalid', detail })
  const { endpoint, keys } = (given ?? {}) as { endpoint?: unknown; keys?: { p256dh?: unknown; auth?: unknown } }
  if (typeof endpoint !== 'string' || endpoint.length > endpointCharsMax || !URL.canParse(endpoint))
    return invalid(`endpoint: no URL given, one of at most ${endpointCharsMax} characters wanted`)
  if (!isEndpoint(new URL(endpoint)))
    return invalid(`endpoint: ${new URL(endpoint).origin} given, the https: address of a push service wanted`)
  const { p256dh, auth } = keys ?? {}
  if (typeof p256dh !== 'string' || !isPublicKey(p256dh))
    return invalid('keys.p256dh: no public key of P-256 given, 65 bytes in base64url wanted')
  if (typeof auth !== 'string' || Buffer.from(auth, 'base64url').length !== 16)
    return invalid('keys.auth: 16 bytes in base64url wanted')
  return { endpoint, keys: { p256dh, auth } }
}

/** Uncompressed, and a point of the curve [RFC 8291 §3.1]. */
function isPublicKey(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 65 || bytes[0] !== 4) return false
  try {
    const own = createECDH('prime256v1')
    own.generateKeys()
    own.computeSecret(bytes)
    return true
  } catch {
    return false
  }
}
