/** What changes something is only done for our own page and for programs, never for a page of another origin. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Browsers say by Origin [Fetch §3.2] whose page sends a POST, and by Sec-Fetch-Site how it is related to us; programs say
 * neither. `Origin: null` is a page that hides where it is from.
 */
export async function requireSameOrigin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { origin, 'sec-fetch-site': site } = request.headers
  const isOurs = origin === undefined || hostOf(origin) === request.host.toLowerCase()
  if (isOurs && (site === undefined || site === 'same-origin' || site === 'none')) return
  await reply.status(403).send({ message: `only this page may ask for that, not ${origin ?? 'one of another site'}` })
}

const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null)
