/** The page and the API over HTTP: fastify, JSON, times in ISO 8601. It reads, but for the entrance (ingest.ts) and a replay of the quarantine. */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import Type from 'typebox'
import { type DeviceStatus, deviceStates, type StateChange } from '../telemetry/device.ts'
import { StartError, UnavailableError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import type { DeviceReading } from '../telemetry/reading.ts'
import { addAct } from './act.ts'
import type { AlertingDoor } from './alerting.ts'
import { addAlerts } from './alerts.ts'
import { readAssets } from './assets.ts'
import { addCommands, type CommandsDoor } from './commands.ts'
import { addCompleteness, type CompletenessOptions } from './completeness.ts'
import { addDevices } from './devices.ts'
import { addExport } from './export.ts'
import { createFleet } from './fleet.ts'
import { addIngest, type IngestDoor } from './ingest.ts'
import { createLive } from './live.ts'
import { createMetrics, type MetricsSource } from './metrics.ts'
import { addNotifiers } from './notifiers.ts'
import { channelName, deviceName, siteName } from './parameters.ts'
import { addQuarantine, type QuarantineOptions } from './quarantine.ts'
import { answerReadings, type ReadingsParameters } from './readings.ts'
import { schemaProblem } from './schema-problem.ts'
import { type Balance, type Check, health } from './status.ts'
import { addTimeline } from './timeline.ts'

export type ConsoleOptions = IngestDoor &
  AlertingDoor & {
    host: string
    port: number
    store: ReadingStore
    statuses: () => DeviceStatus[]
    unitOf: (channel: string) => string
    balance: () => Balance
    journal: MetricsSource['journal']
    healthNotRemembered: MetricsSource['healthNotRemembered']
    quarantine: QuarantineOptions
    openRows: CompletenessOptions['openRows']
    faults: CompletenessOptions['faults']
    commands: CommandsDoor['commands']
    /** Null until the broker is there. */
    brokerStats: () => { [name: string]: number } | null
    /** Everything that must work, except the store's answer, which is asked for here. */
    checks: () => { [name: string]: Check }
    log: Logger
  }

export type Console = {
  address: { host: string; port: number }
  readings(readings: DeviceReading[]): void
  change(change: StateChange): void
  close(): Promise<void>
}

const nothingElse = { additionalProperties: false }
const readingsSchema = Type.Object(
  {
    device: deviceName,
    site: Type.Optional(siteName),
    channel: channelName,
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    points: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    newest: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  nothingElse,
)
const pingTimeoutMs = 2_000

/** @throws StartError when the address cannot be listened on. */
export async function createConsole(options: ConsoleOptions): Promise<Console> {
  const { store, counters, log } = options
  const fleet = createFleet(options.statuses, () => store.latest(), options.unitOf)
  const live = createLive(counters)
  const app = Fastify({
    loggerInstance: log.child({ part: 'http' }, { level: 'warn' }) as FastifyBaseLogger,
    forceCloseConnections: true,
    requestTimeout: limits.requestTimeoutMs,
    // A parameter that is not known is an error, not something to leave out in silence.
    ajv: { customOptions: { removeAdditional: false, verbose: true } },
    schemaErrorFormatter: schemaProblem,
    // What cannot even be parsed passes no hook.
    frameworkErrors(error, _request, reply) {
      const answer = reply as unknown as FastifyReply
      answer.headers(securityHeaders).status(400).send({ message: error.message })
    },
  })

  const currentHealth = async () => health({ ...options.checks(), store: await checkStore(store, options.checks) })
  const metrics = createMetrics({
    counters,
    balance: options.balance,
    journal: options.journal,
    broker: options.brokerStats,
    devices: () => countStates(options.statuses()),
    alerting: options.alerting,
    healthNotRemembered: options.healthNotRemembered,
    health: currentHealth,
  })

  const isLoopback = /^(127\.|::1$|localhost$)/.test(options.host)
  protect(app, isLoopback)
  addIngest(app, isLoopback, options)
  addCommands(app, isLoopback, options)
  for (const { path, type, body } of readAssets()) {
    app.get(path, (_request, reply) =>
      reply.header('content-type', type).header('cache-control', 'no-cache').send(body),
    )
  }
  app.get('/healthz', async (_request, reply) => {
    const answer = await currentHealth()
    return reply.status(answer.status === 'ok' ? 200 : 503).send(answer)
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()))
  addDevices(app, fleet)
  addTimeline(app, store)
  addAlerts(app, options)
  addNotifiers(app, options)
  addAct(app, options)
  app.get('/api/counters', async () => options.balance())
  app.get<{ Querystring: ReadingsParameters }>(
    '/api/readings',
    { schema: { querystring: readingsSchema } },
    (request) => answerReadings(store, request.query),
  )
  addExport(app, store)
  addCompleteness(app, options)
  addQuarantine(app, options.quarantine)
  // Without a HEAD of its own: that would take a place among the streams and never end.
  app.get('/api/live', { exposeHeadRoute: false }, (_request, reply) => {
    reply.hijack()
    for (const [name, value] of Object.entries(securityHeaders)) reply.raw.setHeader(name, value)
    if (!live.add(reply.raw)) {
      reply.raw.writeHead(503, { 'content-type': 'text/plain' })
      reply.raw.end(`more than ${limits.liveClientsMax} live streams\n`)
    }
  })

  const address = await listen(app, options)
  return {
    address,
    readings(readings) {
      fleet.update(readings)
      live.readings(readings)
    },
    change: live.change,
    async close() {
      live.close()
      await app.close()
    },
  }
}

const securityHeaders = {
  'content-security-policy': "default-src 'self'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** Headers, errors, and the Host check: a web site elsewhere must not read a loopback page by naming it in its own DNS. */
function protect(app: FastifyInstance, isLoopback: boolean): void {
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(securityHeaders)
    if (isLoopback && !/^(127\.[\d.]+|localhost|\[::1\])$/.test(request.hostname)) {
      await reply.status(421).send({ message: `this page is served to localhost, not to "${request.hostname}"` })
    }
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const isAway = error instanceof UnavailableError
    const status = isAway ? 503 : (error.statusCode ?? 500)
    if (status === 500) app.log.error({ err: error }, 'request failed')
    return reply
      .status(status)
      .send({ message: isAway ? `the store does not answer: ${error.message}` : error.message })
  })
}

/** What deliveries say, and, when they are fine or there were none, whether the store answers now. */
async function checkStore(store: ReadingStore, checks: ConsoleOptions['checks']): Promise<Check> {
  const known = checks().store
  if (known !== undefined && !known.ok) return known
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${pingTimeoutMs} ms`)), pingTimeoutMs)
  })
  return Promise.race([store.ping(), late])
    .then(
      () => ({ ok: true, detail: '' }),
      (error: Error) => ({ ok: false, detail: error.message }),
    )
    .finally(() => clearTimeout(timer))
}

function countStates(statuses: DeviceStatus[]): { [state: string]: number } {
  const counts: { [state: string]: number } = Object.fromEntries(deviceStates.map((state) => [state, 0]))
  for (const { state } of statuses) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

async function listen(app: FastifyInstance, { host, port }: ConsoleOptions): Promise<{ host: string; port: number }> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'the port is taken' : (error as Error).message
    await app.close()
    throw new StartError(`http.listen ${host}:${port}: ${why}`)
  }
  return { host, port: (app.server.address() as { port: number }).port }
}
