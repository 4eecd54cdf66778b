/** The forms of payloads whose ingest is measured, and journals filled with them. */
import pino from 'pino'
import { openJournal } from '../journal/journal.ts'
import { encodePacked } from '../telemetry/codec/packed-encode.ts'
import { senmlCborCodec } from '../telemetry/codec/senml-cbor.ts'
import { encodeValue } from '../telemetry/codec/value.ts'
import { MessageKind } from '../telemetry/message.ts'
import { createRoute, fieldRuleDefaults, type Route } from '../telemetry/route.ts'

export const devices = 100
const recordsPerBatch = 60

export type Form = {
  name: string
  readings: number
  readingsPerMessage: number
  route: Route
  /** The nth message of a device that takes a reading each second, and has taken the last of all at `endS`. */
  payload(nth: number, ofMessages: number, endS: number): Buffer
}

const topic = 'sensors/{site}/{device}/voltage'
/** The value moves from reading to reading, as a measured one does: 3 V to 4 V, in whole mV. */
const millivolts = (nth: number) => 3000 + ((nth * 7919) % 1000)
const batch = (nth: number) => Array.from({ length: recordsPerBatch }, (_, i) => millivolts(nth * recordsPerBatch + i))

export const forms: Form[] = [
  {
    name: 'json',
    readings: 400_000,
    readingsPerMessage: 1,
    route: createRoute({ topic, measurement: 'voltage', unit: 'V' }),
    payload: (nth, ofMessages, endS) =>
      encodeValue({ value: millivolts(nth) / 1000, timeMs: (endS - ofMessages + nth) * 1000, sequence: nth }),
  },
  {
    name: 'senml-cbor',
    readings: 1_500_000,
    readingsPerMessage: recordsPerBatch,
    route: createRoute({ topic, measurement: '{channel}', payload: { codec: 'senml-cbor' } }),
    payload(nth, ofMessages, endS) {
      const fromS = endS - (ofMessages - nth) * recordsPerBatch
      const readings = batch(nth).map((value, i) => ({
        channel: 'voltage',
        value: value / 1000,
        unit: 'V',
        timeBase: 'unix' as const,
        timeMs: (fromS + i) * 1000,
      }))
      return senmlCborCodec.encode([{ readings }])
    },
  },
  {
    name: 'packed',
    readings: 3_000_000,
    readingsPerMessage: recordsPerBatch,
    route: createRoute({
      topic,
      measurement: 'voltage',
      payload: { codec: 'packed' },
      fields: [{ ...fieldRuleDefaults, channel: '1', field: 'value', unit: 'V', scale: 0.001 }],
    }),
    payload: (nth, ofMessages, endS) =>
      encodePacked({
        clock: 'unix',
        boot: 1,
        sequence: nth % 0x1_0000,
        timeS: endS - (ofMessages - nth - 1) * recordsPerBatch - 1,
        ageS: null,
        nextS: null,
        batches: [{ channel: 1, stepS: 1, values: batch(nth) }],
      }),
  },
]

/** `end`: the position behind the last record. */
export type Filled = { folder: string; end: number; messages: number; readings: number; bytesPerMessage: number }

/** The devices report in turn, each to a topic of its own. */
export async function fillJournal(folder: string, form: Form, readings: number, site: string): Promise<Filled> {
  const perDevice = Math.ceil(readings / form.readingsPerMessage / devices)
  const messages = perDevice * devices
  const journal = await openJournal({ folder, log: pino({ level: 'error' }) })
  const endS = Math.floor(Date.now() / 1000)
  for (let nth = 0; nth < perDevice; nth++) {
    const payload = form.payload(nth, perDevice, endS)
    const common = {
      kind: MessageKind.publish,
      qos: 1,
      dup: false,
      retain: false,
      packetId: (nth % 65_535) + 1,
    } as const
    const accepted = Array.from({ length: devices }, (_, i) => {
      const device = `d${String(i).padStart(3, '0')}`
      const names = { epoch: i + 1, client: `bench-${device}`, topic: `sensors/${site}/${device}/voltage` }
      return journal.accept({ ...common, ...names, payload })
    })
    // Many messages in a write: the journal itself is not what is measured.
    if (nth % 50 === 49) await Promise.all(accepted)
  }
  await journal.flush()
  const end = journal.durable()
  await journal.close()
  const bytesPerMessage = form.payload(perDevice >> 1, perDevice, endS).length
  return { folder, end, messages, readings: messages * form.readingsPerMessage, bytesPerMessage }
}
