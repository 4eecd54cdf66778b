/** Notifiers over HTTP: how they are, a test message, and the subscriptions of phones and browsers to Web Push. */
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { limits } from '../telemetry/limits.ts'
import type { Alerting, AlertingDoor } from './alerting.ts'
import { alertingOf } from './alerts.ts'
import { requireSameOrigin } from './origin.ts'
import { NotFoundError, ParameterError } from './parameters.ts'

const nothingElse = { additionalProperties: false }
const nameSchema = Type.Object({ name: Type.String({ maxLength: 100 }) })
/** PushSubscription.toJSON() of browsers adds what we need not know; the notifier judges the rest. */
const subscriptionSchema = Type.Object({ endpoint: Type.String(), keys: Type.Object({}) })
const endpointSchema = Type.Object({ endpoint: Type.String() }, nothingElse)

export function addNotifiers(app: FastifyInstance, door: AlertingDoor): void {
  const notifiers = (): Alerting['notifiers'] => alertingOf(door).notifiers

  app.get('/api/notifiers', async () => notifiers().status())
  app.get('/api/push/key', async () => ({ key: notifiers().vapidPublicKey }))

  app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain')
    scope.addHook('onRequest', requireSameOrigin)
    scope.post<{ Params: { name: string } }>(
      '/api/notifiers/:name/test',
      { schema: { params: nameSchema } },
      async ({ params }) => {
        const isKnown = notifiers()
          .status()
          .some(({ name }) => name === params.name)
        if (!isKnown) throw new NotFoundError(`no notifier has the name ${params.name}`)
        return notifiers().test(params.name)
      },
    )
    scope.post<{ Body: object }>(
      '/api/push/subscription',
      { schema: { body: subscriptionSchema }, bodyLimit: limits.pushSubscriptionBytesMax },
      async ({ body }, reply) => {
        const problem = await notifiers().subscribePush(body)
        if (problem !== null) throw new ParameterError(problem.detail)
        return reply.status(201).send({})
      },
    )
    scope.delete<{ Body: { endpoint: string } }>(
      '/api/push/subscription',
      { schema: { body: endpointSchema }, bodyLimit: limits.pushSubscriptionBytesMax },
      async ({ body }) => {
        if (!(await notifiers().removePush(body.endpoint))) throw new NotFoundError('no such subscription')
        return {}
      },
    )
  })
}
