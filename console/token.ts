/** Who may post: whoever shows the token; where there is none, only this machine. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { refusalCodes } from '../telemetry/errors.ts'

export type Denied = { status: 401 | 403; message: string }

const digest = (text: string) => createHash('sha256').update(text).digest()

/** `what`: for people, what is asked for. The answer of the answer: null when the request may go on. */
export function createTokenCheck(
  token: string | null,
  isLoopback: boolean,
  what: string,
): (request: FastifyRequest) => Denied | null {
  const wanted = token === null ? null : digest(`Bearer ${token}`)
  return ({ headers }) => {
    if (wanted === null) {
      const message = `set http.ingestToken: without it only loopback addresses take ${what}`
      return isLoopback ? null : { status: 403, message }
    }
    const isRight = timingSafeEqual(wanted, digest(headers.authorization ?? ''))
    return isRight ? null : { status: 401, message: refusalCodes.bad_credentials }
  }
}
