/**
 * One POST to a receiver: bounded in time, redirects not followed, its answer's body not read. Details name the host and the kind of
 * failure only: the rest of the URL is a secret with Slack, Discord, Teams and push services.
 */
import { limits } from '../../telemetry/limits.ts'
import { failed, type Outcome, rejected, sent } from './parcel.ts'

export type Post = { url: string; headers: { [name: string]: string }; body: string | FormData | Uint8Array }
export type Answer = { status: number; retryAfter: string | null } | { problem: string }

export async function post({ url, headers, body }: Post): Promise<Answer> {
  try {
    const address = new URL(url)
    if (address.protocol !== 'http:' && address.protocol !== 'https:')
      return { problem: `${address.protocol} given, http: or https: wanted` }
    const withUser = { ...headers, ...authorizationOf(address) }
    const response = await fetch(address, {
      method: 'POST',
      headers: withUser,
      body: body as NonNullable<RequestInit['body']>,
      redirect: 'manual',
      signal: AbortSignal.timeout(limits.notifierTryMsMax),
    })
    await response.body?.cancel()
    return { status: response.status, retryAfter: response.headers.get('retry-after') }
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

/** fetch() refuses a URL with a name and a password in it; both are taken out of it [RFC 7617 §2]. */
function authorizationOf(url: URL): { authorization?: string } {
  if (url.username === '' && url.password === '') return {}
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Messages of fetch() may quote the URL: only codes are told. */
function problemOf(error: unknown): string {
  const { name, code, cause } = error as { name?: string; code?: unknown; cause?: { code?: unknown } }
  if (name === 'TimeoutError') return `no answer within ${limits.notifierTryMsMax / 1000} s`
  const told = cause?.code ?? code
  return typeof told === 'string' ? told : 'the request could not be sent'
}

/** The receiver does not understand what we sent, and will not when it comes again. */
const contentRejected = [400, 413, 415, 422]

export function outcomeOf(answer: Answer, nowMs: number): Outcome {
  if ('problem' in answer) return failed(answer.problem)
  const { status, retryAfter } = answer
  if (status >= 200 && status < 300) return sent
  if (contentRejected.includes(status)) return rejected(`answered ${status}`)
  // Also 401, 403, 404: a person mends the address or the secret, and what waits is told then.
  return failed(`answered ${status}`, retryAfterMs(retryAfter, nowMs))
}

/** Seconds (Discord: with a fraction) or a date [RFC 9110 §10.2.3]. */
export function retryAfterMs(text: string | null, nowMs: number): number | null {
  if (text === null) return null
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000)
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}
