/** The webhook for programs: all that is known, as JSON, signed so that its receiver can tell that it is ours and new. */
import { createHmac } from 'node:crypto'
import type { Told } from './parcel.ts'
import type { Content } from './templates.ts'

export const signatureHeader = 'dewpoint-signature'

/**
 * `t={seconds since 1970},v1={hex}`: the HMAC-SHA256 of `{t}.{body}`. A receiver compares it in constant time, and refuses a time that
 * is minutes away, so that nobody can send an old one again.
 */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

const iso = (timeMs: number | null) => (timeMs === null ? null : new Date(timeMs).toISOString())

const alertOf = ({ notification: { kind, alert, atMs }, isWhole }: Told) => ({
  kind,
  at: iso(atMs),
  /** It fired and was over before it could be told. */
  cameAndWent: isWhole,
  id: alert.id,
  rule: alert.rule,
  severity: alert.severity,
  labels: alert.labels,
  subject: alert.subject,
  state: alert.state,
  title: alert.title,
  why: alert.why,
  value: alert.value,
  unit: alert.unit,
  channel: alert.channel,
  began: iso(alert.beganAtMs),
  fired: iso(alert.firedAtMs),
  resolved: iso(alert.resolvedAtMs),
  acknowledged:
    alert.acknowledged === null ? null : { ...alert.acknowledged, atMs: undefined, at: iso(alert.acknowledged.atMs) },
  devices: alert.devices,
})

export const genericBody = (content: Content): string =>
  JSON.stringify({
    version: 1,
    title: content.title,
    text: content.text,
    severity: content.severity,
    isOver: content.isOver,
    url: content.url,
    actions: content.actions,
    chart: content.chart === null ? null : { type: 'image/png', base64: Buffer.from(content.chart).toString('base64') },
    alerts: content.told.map(alertOf),
  })
