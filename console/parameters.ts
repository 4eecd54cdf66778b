/** What stands in the address of a request: names and times. */

import Type from 'typebox'
import { isoToMs } from '../telemetry/codec/unix-time.ts'
import { timeMsMax } from '../telemetry/point.ts'

const name = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
/** No device, site or channel holds a control character, and InfluxQL cannot ask for one. */
export const deviceName = name
export const channelName = name
/** '': the device's route names no site. */
export const siteName = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

/** What was asked for is not there. */
export class NotFoundError extends Error {
  readonly statusCode = 404
}

/** Ask again: answered with 503. */
export class BusyError extends Error {
  readonly statusCode = 503
}

/** What was asked cannot be answered; becomes a 400. */
export class ParameterError extends Error {
  readonly statusCode = 400
}

/** ISO 8601 (UTC without a zone), or milliseconds since 1970; null when it is not given. @throws ParameterError */
export function parseTime(name: 'from' | 'to', text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = /^\d+$/.test(text) ? Number(text) : isoToMs(text)
  if (!Number.isFinite(ms))
    throw new ParameterError(`${name}: "${text}" given, ISO 8601 like 2026-11-23T07:00:00Z wanted`)
  return Math.min(Math.max(ms, 0), timeMsMax)
}
