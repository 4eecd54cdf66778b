/**
 * POST /api/ingest: readings of gateways over HTTP, on the same path as those of the broker. 200 leaves only after the
 * journal synced every message of the request; before that a sender knows nothing and sends all of it again. Readings
 * with a time or sequence are then recognised, plain numbers are not: one that must not come twice carries a sequence.
 *
 * A page of another origin cannot get here: both content types need a preflight, which nobody answers.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { httpClient } from '../telemetry/client.ts'
import { type Counters, count } from '../telemetry/counters.ts'
import type { NextEpoch } from '../telemetry/epoch.ts'
import { AbandonedError, type RefusalCode, refusalCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import { type Accept, MessageKind } from '../telemetry/message.ts'
import { type Body, type Posted, readJsonBody, readRawBody } from './ingest-body.ts'
import { createTokenCheck } from './token.ts'

export type IngestDoor = {
  /** What senders show as `Authorization: Bearer`; null: nothing is asked of senders on this machine, others are refused. */
  ingestToken: string | null
  accept: Accept
  /** The request of the epoch is gone: what still waits for accept() is not wanted any more. */
  abandon: (epoch: number) => void
  nextEpoch: NextEpoch
  /** false while the journal has failed. */
  isAccepting: () => boolean
  counters: Counters
}

type Ingest = { Querystring: { topic?: string } }

const json = 'application/json'
const raw = 'application/octet-stream'
const querySchema = Type.Object({ topic: Type.Optional(Type.String()) }, { additionalProperties: false })
const clientIdBytesMax = limits.clientIdBytesMax - httpClient('').length
const clientIdPattern = new RegExp(`^[\\x21-\\x7e]{1,${clientIdBytesMax}}$`)

/** `isLoopback`: only this machine reaches the console. */
export function addIngest(app: FastifyInstance, isLoopback: boolean, door: IngestDoor): void {
  const { accept, counters } = door
  const check = createTokenCheck(door.ingestToken, isLoopback, 'readings')
  let open = 0

  function refuse(reply: FastifyReply, status: number, code: RefusalCode, more: object = {}): FastifyReply {
    count(counters.refused, code)
    // The rest of a body that nobody reads would be taken for the next request.
    if (status !== 400) reply.header('connection', 'close')
    if (status === 503) reply.header('retry-after', limits.ingestRetryAfterS)
    return reply.status(status).send({ message: refusalCodes[code], ...more })
  }

  /** Before any of the body is read. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const denied = check(request)
    if (denied !== null) {
      if (denied.status === 401) reply.header('www-authenticate', 'Bearer')
      return refuse(reply, denied.status, 'bad_credentials', { message: denied.message })
    }
    if (!door.isAccepting()) return refuse(reply, 503, 'not_accepting')
    if (open >= limits.ingestRequestsMax) return refuse(reply, 503, 'too_many_requests')
    open++
    reply.raw.once('close', () => open--)
  }

  async function take(request: FastifyRequest<Ingest>, reply: FastifyReply): Promise<FastifyReply> {
    const name = request.headers['x-client-id']
    if (name !== undefined && !(typeof name === 'string' && clientIdPattern.test(name))) {
      const client = `x-client-id: 1 to ${clientIdBytesMax} printable ASCII characters wanted`
      return refuse(reply, 400, 'client_id_invalid', { message: client })
    }
    const body = bodyOf(request)
    if ('problem' in body) {
      const { code, ...problem } = body.problem
      counters.received += body.count
      counters.refusedReadings += body.count
      const where = problem.index === undefined ? 'body' : `message ${problem.index}`
      const message = `${where}: ${problem.given} given, ${problem.wanted} wanted; nothing was taken`
      return refuse(reply, code === 'request_too_large' ? 413 : 400, code, { message, ...problem })
    }

    const epoch = door.nextEpoch()
    reply.raw.once('close', () => door.abandon(epoch))
    const client = httpClient(name ?? null)
    const taking = body.messages.map((message) => takeOne(message, client, epoch))
    // Gone before it was listened for.
    if (reply.raw.destroyed) door.abandon(epoch)
    const results = await Promise.allSettled(taking)
    const isWhole = results.every(({ status }) => status === 'fulfilled')
    if (isWhole) return reply.send({ accepted: results.length })
    // Each message was counted when it was refused; the sender is told once.
    return reply
      .status(503)
      .header('retry-after', limits.ingestRetryAfterS)
      .send({ message: refusalCodes.not_accepting })
  }

  async function takeOne({ topic, payload }: Posted, client: string, epoch: number): Promise<void> {
    counters.received++
    try {
      const kind = MessageKind.publish
      await accept({ kind, qos: 1, dup: false, retain: false, packetId: 0, epoch, client, topic, payload })
    } catch (error) {
      counters.refusedReadings++
      count(counters.refused, error instanceof AbandonedError ? 'abandoned' : 'not_accepting')
      throw error
    }
  }

  app.register(async (scope) => {
    // text/plain, which fastify reads by itself, can be sent from any web site.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser([json, raw], { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes))
    scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
      const status = error.statusCode ?? 500
      if (status === 500) throw error
      const isType = status === 415
      const given = JSON.stringify((request.headers['content-type'] ?? '').slice(0, 80))
      const isTooLarge = status === 413
      const message = isType
        ? `content-type: ${given} given, ${json} or ${raw} wanted`
        : isTooLarge
          ? `body: at most ${limits.ingestBodyBytesMax} bytes wanted; nothing was taken`
          : error.message
      return refuse(reply, status, isTooLarge ? 'request_too_large' : 'request_invalid', { message })
    })
    scope.post<Ingest>(
      '/api/ingest',
      { bodyLimit: limits.ingestBodyBytesMax, schema: { querystring: querySchema }, onRequest: admit },
      take,
    )
  })
}

function bodyOf({ headers, query, body }: FastifyRequest<Ingest>): Body {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  const type = headers['content-type'] ?? ''
  if (type.toLowerCase().startsWith(raw)) return readRawBody(query.topic, bytes)
  if (query.topic === undefined) return readJsonBody(bytes)
  const problem = { given: '?topic= with JSON', wanted: 'the topic in each message' }
  return { problem: { code: 'request_invalid', ...problem }, count: 0 }
}
