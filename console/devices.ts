/**
 * GET /api/devices: the devices, filtered, a page of them by site and name. The next page is asked for with `after`, the site/device of
 * the last one. Headers say how many pass (X-Total-Count) and, of all devices, how many are in which state (X-State-Counts, JSON).
 */
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { deviceStates } from '../telemetry/device.ts'
import { limits } from '../telemetry/limits.ts'
import type { Fleet } from './fleet.ts'
import { listOf } from './list-parameter.ts'
import { siteName } from './parameters.ts'

type Asked = { state?: string; site?: string; alert?: boolean; after?: string; limit: number }
const querySchema = Type.Object(
  {
    state: Type.Optional(Type.String()),
    site: Type.Optional(siteName),
    alert: Type.Optional(Type.Boolean()),
    after: Type.Optional(Type.String()),
    limit: Type.Integer({ minimum: 1, maximum: limits.devicesListedMax, default: limits.devicesListedMax }),
  },
  { additionalProperties: false },
)

export function addDevices(app: FastifyInstance, fleet: Fleet): void {
  app.get<{ Querystring: Asked }>(
    '/api/devices',
    { schema: { querystring: querySchema } },
    async ({ query: { state, ...query } }, reply) => {
      const states = listOf('state', state, deviceStates)
      const { devices, counts, total } = await fleet.view({ ...query, ...(states && { states }) })
      return reply.header('x-total-count', total).header('x-state-counts', JSON.stringify(counts)).send(devices)
    },
  )
}
