/** GET /api/export: all points of a range as a file, made while it is sent. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { exportText, type TextFormat, textFormats } from '../telemetry/export/text.ts'
import { limits } from '../telemetry/limits.ts'
import { timeMsMax } from '../telemetry/point.ts'
import type { ReadingStore } from '../telemetry/query.ts'
import { BusyError, channelName, deviceName, parseTime, siteName } from './parameters.ts'

type ExportParameters = {
  format: TextFormat
  device?: string
  site?: string
  channel?: string
  from?: string
  to?: string
}

const exportSchema = Type.Object(
  {
    format: Type.Enum(Object.keys(textFormats), { default: 'csv' }),
    device: Type.Optional(deviceName),
    site: Type.Optional(siteName),
    channel: Type.Optional(channelName),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

export function addExport(app: FastifyInstance, store: ReadingStore): void {
  let running = 0
  // Without a HEAD of its own: that would read everything and send nothing.
  const options = { schema: { querystring: exportSchema }, exposeHeadRoute: false }
  app.get<{ Querystring: ExportParameters }>('/api/export', options, async (request, reply) => {
    const { format, from, to, ...narrowed } = request.query
    const range = { fromMs: parseTime('from', from) ?? 0, toMs: parseTime('to', to) ?? timeMsMax }
    if (running >= limits.exportsMax) throw new BusyError(`${running} exports run already`)
    const { type, extension } = textFormats[format]
    const text = Readable.from(exportText(store.scan({ ...narrowed, ...range }), format))
    running++
    text.once('close', () => running--)
    // Whoever waits for it hears of an error; between two of them nobody does, and that must not end the process.
    text.on('error', () => {})
    // Waits for the first points: as long as nothing is sent, a store that is away can still be said.
    await once(text, 'readable')
    return reply.type(type).header('content-disposition', `attachment; filename="dewpoint.${extension}"`).send(text)
  })
}
