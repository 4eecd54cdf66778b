/**
 * The quarantine over HTTP: list, raw bytes, download of all, and the way back. A dry run shows what the routes of now would make
 * of a message; a replay sends it through them.
 */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { type QuarantineCode, quarantineCodes } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import {
  type QuarantineChoice,
  type QuarantineEntry,
  type QuarantineView,
  topicChoice,
} from '../telemetry/quarantine.ts'
import { requireSameOrigin } from './origin.ts'
import { NotFoundError, ParameterError } from './parameters.ts'

/**
 * What the routes of now make of a message: line protocol, nothing where there is no reading, and what it would also depend
 * on; or why not.
 */
export type Preview = { points: string[]; notes: string[] } | { code: string; detail: string }

export type QuarantineOptions = {
  view: QuarantineView
  preview: (entry: QuarantineEntry) => Preview
  /** Puts the entries on their way again, in this order. Resolves to how many are durably on it: fewer while the journal is full. */
  replay: (entries: QuarantineEntry[]) => Promise<number>
}

/** Node takes headers of 16 KiB in all. */
const idsInUrlMax = 500
const nothingElse = { additionalProperties: false }
const id = Type.String({ pattern: '^\\d{1,16}$' })
const choiceSchema = {
  code: Type.Optional(Type.Enum(Object.keys(quarantineCodes))),
  topic: Type.Optional(Type.String({ maxLength: limits.topicBytesMax })),
}
const listSchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000 }),
    before: Type.Optional(id),
    ids: Type.Optional(Type.Array(id, { maxItems: idsInUrlMax })),
    ...choiceSchema,
  },
  nothingElse,
)
const idSchema = Type.Object({ id })
const replaySchema = Type.Object(
  {
    ids: Type.Optional(Type.Array(id, { maxItems: limits.quarantineIdsMax })),
    dryRun: Type.Boolean({ default: false }),
    ...choiceSchema,
  },
  nothingElse,
)
type Choice = { ids?: string[]; code?: string; topic?: string; before?: string }
type Wanted = Choice & { dryRun: boolean }

export function addQuarantine(app: FastifyInstance, { view, preview, replay }: QuarantineOptions): void {
  let isReplaying = false

  app.get<{ Querystring: Choice & { limit: number } }>(
    '/api/quarantine',
    { schema: { querystring: listSchema } },
    async ({ query }) => select(query).entries.slice(0, query.limit),
  )
  app.get('/api/quarantine/codes', async () => view.counts())
  app.get('/api/quarantine.jsonl', (_request, reply) => {
    const lines = function* () {
      for (const entry of view.list(Number.POSITIVE_INFINITY)) yield `${JSON.stringify(entry)}\n`
    }
    return attached(reply, 'application/x-ndjson', 'quarantine.jsonl').send(Readable.from(lines()))
  })
  app.get<{ Params: { id: string } }>('/api/quarantine/:id', { schema: { params: idSchema } }, async ({ params }) =>
    found(params.id),
  )
  app.get<{ Params: { id: string } }>(
    '/api/quarantine/:id/payload',
    { schema: { params: idSchema } },
    async ({ params }, reply) => {
      const { payload } = found(params.id)
      // Never as what it claims to be: a device's HTML must not run here.
      return attached(reply, 'application/octet-stream', `quarantine-${params.id}.bin`).send(
        Buffer.from(payload, 'base64'),
      )
    },
  )

  // A scope of its own: here JSON alone is read. A form, or a script without leave, can only send other types across origins.
  app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain')
    scope.addHook('onRequest', requireSameOrigin)
    scope.post<{ Body: Wanted }>(
      '/api/quarantine/replay',
      { schema: { body: replaySchema }, bodyLimit: limits.quarantineQuestionBytesMax },
      async ({ body }, reply) => {
        const { entries, unknown } = select(body)
        // The oldest first: a device's readings are decided in the order in which they came.
        entries.reverse()
        if (body.dryRun) return { ...(await previews(entries)), unknown }
        if (isReplaying) return reply.status(409).send({ message: 'another replay is on its way to the journal' })
        isReplaying = true
        try {
          const replayed = await replay(entries)
          return await reply.status(202).send({ replayed, remaining: entries.length - replayed, unknown })
        } finally {
          isReplaying = false
        }
      },
    )
  })

  function found(wanted: string): QuarantineEntry {
    const entry = view.get(wanted)
    if (entry === undefined) throw new NotFoundError(`no message ${wanted} is in the quarantine`)
    return entry
  }

  /** The newest first. */
  function select(asked: Choice): { entries: QuarantineEntry[]; unknown: string[] } {
    const choice = chosen(asked)
    const all = (): QuarantineEntry[] => view.list(Number.POSITIVE_INFINITY, choice)
    if (asked.ids === undefined) return { entries: all(), unknown: [] }
    const ids = new Set(asked.ids)
    return {
      entries: all().filter((it) => ids.has(it.id)),
      unknown: [...ids].filter((it) => view.get(it) === undefined),
    }
  }

  async function previews(entries: QuarantineEntry[]): Promise<{ previews: object[]; remaining: number }> {
    const made: object[] = []
    let chars = 0
    for (const entry of entries.slice(0, limits.quarantinePreviewsMax)) {
      if (chars >= limits.quarantinePreviewCharsMax) break
      const result = preview(entry)
      if ('points' in result) for (const point of result.points) chars += point.length
      made.push({ id: entry.id, topic: entry.topic, ...result })
      // Long payloads take their time, and the broker lives in this process too.
      await nextTurn()
    }
    return { previews: made, remaining: entries.length - made.length }
  }
}

/** @throws ParameterError when the topic is no pattern. */
function chosen({ code, topic, before }: Choice): QuarantineChoice {
  const topics = topicChoice(topic ?? '')
  if ('problem' in topics) throw new ParameterError(topics.problem)
  return {
    ...topics,
    ...(code !== undefined && { code: code as QuarantineCode }),
    ...(before !== undefined && { before: Number(before) }),
  }
}

const attached = (reply: FastifyReply, type: string, name: string): FastifyReply =>
  reply.header('content-type', type).header('content-disposition', `attachment; filename="${name}"`)
