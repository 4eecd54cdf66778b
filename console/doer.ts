/** Who does something, for the audit. Nobody signs in yet, so it is what is said. */
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { printable } from '../telemetry/printable.ts'

export const byName = Type.String({ maxLength: 100 })

/** A proxy that people sign in to says it by X-Forwarded-User; else the request itself does. */
export function doerOf(request: FastifyRequest, by: string | undefined): string {
  const header = request.headers['x-forwarded-user']
  const said = (typeof header === 'string' ? header : (by ?? '')).trim().slice(0, 100)
  return said === '' ? 'somebody' : printable(said)
}
