/** Alerts over HTTP: list, acknowledge, mute, maintenance windows, and who did what. */
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { type Alert, type AuditEntry, type Maintenance, type Severity, severities } from '../telemetry/alert.ts'
import { durationMs } from '../telemetry/duration.ts'
import { limits } from '../telemetry/limits.ts'
import type { Alerting, AlertingDoor } from './alerting.ts'
import { byName, doerOf } from './doer.ts'
import { listOf } from './list-parameter.ts'
import { requireSameOrigin } from './origin.ts'
import { BusyError, deviceName, NotFoundError, ParameterError, parseTime, siteName } from './parameters.ts'

const alertStates: ReadonlyArray<Alert['state']> = ['pending', 'firing', 'resolved']
const nothingElse = { additionalProperties: false }
const listSchema = Type.Object(
  {
    state: Type.Optional(Type.String()),
    site: Type.Optional(siteName),
    device: Type.Optional(deviceName),
    rule: Type.Optional(Type.String()),
    severity: Type.Optional(Type.Enum([...severities])),
    suppressed: Type.Optional(Type.Boolean()),
    limit: Type.Integer({ minimum: 1, maximum: limits.alertsListedMax, default: limits.alertsListedMax }),
  },
  nothingElse,
)
type Asked = {
  state?: string
  site?: string
  device?: string
  rule?: string
  severity?: Severity
  suppressed?: boolean
  limit: number
}
const idSchema = Type.Object({ id: Type.String({ maxLength: 200 }) })
const acknowledgeSchema = Type.Object(
  { by: Type.Optional(byName), note: Type.Optional(Type.String({ maxLength: 500 })) },
  nothingElse,
)
const muteSchema = Type.Object({ by: Type.Optional(byName), for: Type.String() }, nothingElse)
const unmuteSchema = Type.Object({ by: Type.Optional(byName) }, nothingElse)
const filterName = Type.String({ maxLength: 128, default: '' })
const windowSchema = Type.Object(
  {
    site: filterName,
    device: filterName,
    from: Type.Optional(Type.String()),
    to: Type.String(),
    note: Type.String({ maxLength: 500, default: '' }),
    by: Type.Optional(byName),
  },
  nothingElse,
)
type Window = { site: string; device: string; from?: string; to: string; note: string; by?: string }
const limitSchema = Type.Object(
  { limit: Type.Integer({ minimum: 1, maximum: limits.alertsListedMax, default: 200 }) },
  nothingElse,
)

export function addAlerts(app: FastifyInstance, door: AlertingDoor): void {
  const alerts = (): Alerting['alerts'] => alertingOf(door).alerts

  app.get<{ Querystring: Asked }>('/api/alerts', { schema: { querystring: listSchema } }, async ({ query }, reply) => {
    // Every page asks all the time: while nothing is known yet, that is no error.
    if (door.alerting() === null) return reply.status(204).send()
    const { state, suppressed: isSuppressed, limit: max, ...rest } = query
    const states = listOf('state', state, alertStates)
    const filter = { ...rest, max, ...(states && { states }), ...(isSuppressed !== undefined && { isSuppressed }) }
    return alerts().list(filter).map(alertView)
  })
  app.get('/api/maintenance', async () => alerts().maintenance.list().map(windowView))
  app.get<{ Querystring: { limit: number } }>(
    '/api/audit',
    { schema: { querystring: limitSchema } },
    async ({ query }) => alerts().audit().slice(0, query.limit).map(auditView),
  )

  // A scope of its own: here JSON alone is read, which a page of another origin cannot send without leave.
  app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain')
    scope.addHook('onRequest', requireSameOrigin)
    scope.post<{ Params: { id: string }; Body: { by?: string; note?: string } }>(
      '/api/alerts/:id/acknowledge',
      { schema: { params: idSchema, body: acknowledgeSchema } },
      async (request) => {
        const { params, body } = request
        return standing(params.id, await alerts().acknowledge(params.id, doerOf(request, body.by), body.note ?? ''))
      },
    )
    scope.post<{ Params: { id: string }; Body: { by?: string; for: string } }>(
      '/api/alerts/:id/mute',
      { schema: { params: idSchema, body: muteSchema } },
      async (request) => {
        const { params, body } = request
        const forMs = durationMs(body.for)
        if (forMs === null || forMs < 1000 || forMs > limits.muteMsMax) {
          throw new ParameterError(`for: "${body.for}" given, a duration from 1s to 30d like 8h wanted`)
        }
        return standing(params.id, await alerts().mute(params.id, doerOf(request, body.by), Date.now() + forMs))
      },
    )
    scope.post<{ Params: { id: string }; Body: { by?: string } }>(
      '/api/alerts/:id/unmute',
      { schema: { params: idSchema, body: unmuteSchema } },
      async (request) => {
        const { params, body } = request
        return standing(params.id, await alerts().unmute(params.id, doerOf(request, body.by)))
      },
    )
    scope.post<{ Body: Window }>('/api/maintenance', { schema: { body: windowSchema } }, async (request, reply) => {
      const { from, to, by, ...rest } = request.body
      const fromMs = parseTime('from', from) ?? Date.now()
      const toMs = parseTime('to', to) as number
      if (toMs <= fromMs) throw new ParameterError(`to: "${to}" given, a time after from wanted`)
      const made = await alerts().maintenance.add({ ...rest, fromMs, toMs, by: doerOf(request, by) })
      if (made === null) throw new ParameterError('too many maintenance windows are open: end one first')
      return reply.status(201).send(windowView(made))
    })
    scope.delete<{ Params: { id: string }; Querystring: { by?: string } }>(
      '/api/maintenance/:id',
      { schema: { params: idSchema, querystring: unmuteSchema } },
      async (request) => {
        const { id } = request.params
        const ended = await alerts().maintenance.end(id, doerOf(request, request.query.by))
        if (ended === null) throw new NotFoundError(`no maintenance window ${id} that was opened here`)
        return windowView(ended)
      },
    )
  })
}

/** @throws BusyError while there is none yet. */
export function alertingOf({ alerting }: AlertingDoor): Alerting {
  const found = alerting()
  if (found === null) throw new BusyError('alerts are not known yet: ask again')
  return found
}

function standing(id: string, alert: Alert | null): object {
  if (alert === null) throw new NotFoundError(`no alert ${id} stands`)
  return alertView(alert)
}

const iso = (ms: number) => new Date(ms).toISOString()
const isoOrNull = (ms: number | null) => (ms === null ? null : iso(ms))

function alertView({ beganAtMs, firedAtMs, resolvedAtMs, mutedUntilMs, acknowledged, ...alert }: Alert): object {
  return {
    ...alert,
    beganAt: iso(beganAtMs),
    firedAt: isoOrNull(firedAtMs),
    resolvedAt: isoOrNull(resolvedAtMs),
    mutedUntil: isoOrNull(mutedUntilMs),
    acknowledged:
      acknowledged === null ? null : { by: acknowledged.by, at: iso(acknowledged.atMs), note: acknowledged.note },
  }
}

const windowView = ({ fromMs, toMs, ...window }: Maintenance) => ({ ...window, from: iso(fromMs), to: iso(toMs) })
const auditView = ({ atMs, ...entry }: AuditEntry) => ({ at: iso(atMs), ...entry })
