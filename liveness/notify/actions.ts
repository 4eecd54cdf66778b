/**
 * Links in a notification that acknowledge or mute its alert without a sign-in: each holds a token that is good for one action on one
 * alert for a while, and is worth nothing else. `{base64url of the JSON}.{base64url of its HMAC-SHA256}`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MessageProblem } from '../../telemetry/errors.ts'
import { limits } from '../../telemetry/limits.ts'

export const alertActions = ['acknowledge', 'mute'] as const
export type AlertAction = (typeof alertActions)[number]

export type GrantedAction = {
  alert: string
  action: AlertAction
  /** The notifier that carried the link: for the audit. */
  by: string
  expiresAtMs: number
}

export type ActionLinks = {
  /** Where a person, or an app, acts; '' when nobody has said where the page is reached from outside. */
  url(alert: string, action: AlertAction, by: string, nowMs: number): string
  /** A problem says why the token is worth nothing: a wrong one, or one whose time is over. */
  verify(token: string, nowMs: number): GrantedAction | MessageProblem
}

type Claims = { a: string; d: AlertAction; b: string; x: number }

/** @param key secret, at least 32 bytes. @param publicUrl without a slash at its end, or ''. */
export function createActionLinks(key: Buffer, publicUrl: string): ActionLinks {
  const signatureOf = (body: string) => createHmac('sha256', key).update(`dewpoint alert action\n${body}`).digest()

  return {
    url(alert, action, by, nowMs) {
      if (publicUrl === '') return ''
      const claims: Claims = { a: alert, d: action, b: by, x: nowMs + limits.actionLinkMsMax }
      const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
      return `${publicUrl}/act/${body}.${signatureOf(body).toString('base64url')}`
    },
    verify(token, nowMs) {
      const [body = '', signature = '', ...more] = token.length <= limits.actionTokenCharsMax ? token.split('.') : []
      const given = Buffer.from(signature, 'base64url')
      const wanted = signatureOf(body)
      // Nothing of the body is believed, or even parsed, before this.
      if (more.length > 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted))
        return { code: 'bad_payload', detail: 'the link is not one of ours, a link from a notification was wanted' }
      const { a, d, b, x } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims
      if (nowMs > x)
        return {
          code: 'bad_time',
          detail: `the link was good until ${new Date(x).toISOString()}, one from a newer notification was wanted`,
        }
      return { alert: a, action: d, by: b, expiresAtMs: x }
    },
  }
}
