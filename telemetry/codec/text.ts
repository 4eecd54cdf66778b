/** The payload is the value: a caption, a state, a line of a log, as UTF-8 text. */
import { isUtf8 } from 'node:buffer'
import type { MessageProblem } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Codec, Report } from '../reading.ts'
import { assertSayable } from './rows.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are looked for
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f]/

/** Length in bytes before anything looks at the text itself. */
function decodeText(payload: Buffer): Report[] | MessageProblem {
  if (payload.length > limits.textBytesMax) {
    return {
      code: 'bad_payload',
      detail: `${payload.length} bytes given, at most ${limits.textBytesMax} of text wanted`,
    }
  }
  if (payload.length === 0) return { code: 'bad_value', detail: 'no bytes given, text wanted' }
  if (!isUtf8(payload))
    return { code: 'bad_value', detail: `${payload.length} bytes that are not UTF-8 given, text wanted` }
  const value = payload.toString('utf8')
  const at = value.search(control)
  if (at >= 0) {
    const code = value.charCodeAt(at).toString(16).padStart(4, '0')
    return { code: 'bad_value', detail: `the control character U+${code} at ${at} given, text wanted` }
  }
  return [{ readings: [{ channel: '', value, unit: '', timeBase: 'none', timeMs: 0 }] }]
}

export const textCodec: Codec = {
  decode: decodeText,
  encode(reports) {
    const [report] = reports
    const [reading] = report?.readings ?? []
    if (report === undefined || reading === undefined || reports.length > 1 || report.readings.length > 1) {
      throw new Error('the text codec holds exactly one reading')
    }
    assertSayable('text', report)
    const hasHead = [report.sequence, report.boot, report.sentMs, report.nextS].some((it) => it !== undefined)
    if (hasHead || reading.timeBase !== 'none' || reading.channel !== '') {
      throw new Error('the text codec holds a value only: no channel, time or sequence')
    }
    const payload = Buffer.from(String(reading.value))
    if (typeof reading.value !== 'string' || 'code' in decodeText(payload)) {
      throw new Error('the text codec holds text of one byte to the limit, without control characters')
    }
    return payload
  },
}
