/** GET /api/devices/{site}/{device}/timeline: from when on a device was in which state, as the store has it. */
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { channelOf, stateMeasurement, stateNameField } from '../telemetry/schema.ts'
import { deviceName, ParameterError, parseTime, siteName } from './parameters.ts'

const dayMs = 86_400_000
const paramsSchema = Type.Object({ site: siteName, device: deviceName })
const querySchema = Type.Object(
  { from: Type.Optional(Type.String()), to: Type.Optional(Type.String()) },
  { additionalProperties: false },
)
type Route = { Params: { site: string; device: string }; Querystring: { from?: string; to?: string } }

export function addTimeline(app: FastifyInstance, store: ReadingStore): void {
  app.get<Route>(
    '/api/devices/:site/:device/timeline',
    { schema: { params: paramsSchema, querystring: querySchema } },
    async ({ params, query }) => {
      const toMs = parseTime('to', query.to) ?? Date.now()
      const fromMs = parseTime('from', query.from) ?? toMs - dayMs
      if (fromMs > toMs) return []
      const of = { ...params, channel: channelOf(stateMeasurement, stateNameField) }
      // The last change before says in which state the range begins.
      const [before, within] = await Promise.all([
        store.readings({ ...of, fromMs: 0, toMs: Math.max(0, fromMs - 1) }, 1, 'last'),
        store.readings({ ...of, fromMs, toMs }, limits.timelineChangesMax + 1),
      ])
      if (within.length > limits.timelineChangesMax) {
        throw new ParameterError(`more than ${limits.timelineChangesMax} changes in this range: ask for a shorter one`)
      }
      return [...before, ...within].map(({ timeMs, value }) => ({ time: new Date(timeMs).toISOString(), state: value }))
    },
  )
}
