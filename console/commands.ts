/**
 * Commands to devices over HTTP. POST answers once the command is on disk for every session that waits for it; GET lists
 * what waits "until next wake", and what waited for too long or found no room.
 *
 * A page of another origin cannot get here: JSON needs a preflight, which nobody answers.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { type Counters, count } from '../telemetry/counters.ts'
import { durationMs } from '../telemetry/duration.ts'
import { type RefusalCode, refusalCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { topicRefusal } from '../telemetry/topic-rules.ts'
import { deviceName, ParameterError } from './parameters.ts'
import { createTokenCheck } from './token.ts'

type Answer = { result: 'delivered' | 'waiting' | 'nobody'; delivered: string[]; waiting: string[] }
type Waiting = { client: string; topic: string; queuedAtMs: number }

/** What is asked of the broker. */
export type CommandsDoor = {
  ingestToken: string | null
  /** Null until the broker is there. */
  commands: () => {
    send(topic: string, payload: Buffer, expiresAtMs: number | null): Promise<Answer>
    pending(device: string | null): Array<Waiting & { payload: Buffer; expiresAtMs: number; isSent: boolean }>
    lost(device: string | null): Array<Waiting & { lostAtMs: number; why: 'expired' | 'dropped' }>
  } | null
  counters: Counters
}

type Posted = { topic: string; payload?: unknown; payload64?: string; expiry?: string }

const nothingElse = { additionalProperties: false }
const bodySchema = Type.Object(
  {
    topic: Type.String(),
    payload: Type.Optional(Type.Unknown()),
    payload64: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
    expiry: Type.Optional(Type.String()),
  },
  nothingElse,
)
const querySchema = Type.Object({ device: Type.Optional(deviceName) }, nothingElse)

/** `isLoopback`: only this machine reaches the console. */
export function addCommands(app: FastifyInstance, isLoopback: boolean, door: CommandsDoor): void {
  const check = createTokenCheck(door.ingestToken, isLoopback, 'commands')
  const refused = (code: RefusalCode, message: string = refusalCodes[code]): ParameterError => {
    count(door.counters.refused, code)
    return new ParameterError(message)
  }

  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const denied = check(request)
    if (denied === null) return
    count(door.counters.refused, 'bad_credentials')
    if (denied.status === 401) reply.header('www-authenticate', 'Bearer')
    return reply.header('connection', 'close').status(denied.status).send({ message: denied.message })
  }

  app.register(async (scope) => {
    // text/plain, which fastify reads by itself, can be sent from any web site.
    scope.removeContentTypeParser('text/plain')
    scope.post<{ Body: Posted }>(
      '/api/commands',
      { bodyLimit: limits.commandBodyBytesMax, schema: { body: bodySchema }, onRequest: admit },
      async ({ body }, reply) => {
        const refusal = topicRefusal(body.topic)
        if (refusal !== null) throw refused(refusal)
        const payload = payloadOf(body)
        if (typeof payload === 'string') throw refused('request_invalid', payload)
        const expiryMs = body.expiry === undefined ? null : durationMs(body.expiry)
        if (body.expiry !== undefined && (expiryMs === null || expiryMs < 1000)) {
          throw refused('request_invalid', `expiry: "${body.expiry}" given, a duration of at least 1s like 24h wanted`)
        }
        const commands = door.commands()
        if (commands === null) return reply.status(503).send({ message: refusalCodes.not_accepting })
        return commands.send(body.topic, payload, expiryMs === null ? null : Date.now() + expiryMs)
      },
    )
  })

  app.get<{ Querystring: { device?: string } }>(
    '/api/commands',
    { schema: { querystring: querySchema } },
    async ({ query }) => {
      const commands = door.commands()
      const device = query.device ?? null
      return {
        pending: (commands?.pending(device) ?? []).map(({ payload, queuedAtMs, expiresAtMs, isSent, ...command }) => ({
          ...command,
          ...(isUtf8(payload) ? { payload: payload.toString() } : { payload64: payload.toString('base64') }),
          queuedAt: new Date(queuedAtMs).toISOString(),
          expiresAt: new Date(expiresAtMs).toISOString(),
          state: isSent ? 'sent, not acknowledged' : 'until next wake',
        })),
        lost: (commands?.lost(device) ?? []).map(({ queuedAtMs, lostAtMs, ...command }) => ({
          ...command,
          queuedAt: new Date(queuedAtMs).toISOString(),
          lostAt: new Date(lostAtMs).toISOString(),
        })),
      }
    },
  )
}

/** Text as it is, everything else as JSON; or what is wrong with it. */
function payloadOf({ payload, payload64 }: Posted): Buffer | string {
  if ((payload === undefined) === (payload64 === undefined)) return 'payload, or payload64 for bytes in base64, wanted'
  const bytes =
    payload64 !== undefined
      ? Buffer.from(payload64, 'base64')
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
  return bytes.length <= limits.commandBytesMax
    ? bytes
    : `payload: ${bytes.length} bytes given, at most ${limits.commandBytesMax} wanted`
}
