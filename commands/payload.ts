/** Payloads as people give them and see them. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { StartError } from '../telemetry/errors.ts'

export type PayloadForm = 'text' | 'hex' | 'base64'

/** @throws StartError when the text is not of that form */
export function readPayload(text: string, form: PayloadForm): Buffer {
  if (form === 'text') return Buffer.from(text)
  // Buffer.from() stops at the first character it does not know, and says nothing.
  const plain = form === 'hex' ? text.replace(/[\s:]/g, '').replace(/^0x/i, '') : text.replace(/\s/g, '')
  const isWhole = form === 'hex' ? /^([\da-f]{2})*$/i.test(plain) : /^[\w+/-]*={0,2}$/.test(plain)
  if (isWhole) return Buffer.from(plain, form)
  throw new StartError(`--${form}: ${JSON.stringify(shorten(text))} given, ${wanted[form]} wanted`)
}

const wanted = { hex: 'pairs of digits from 0 to f', base64: 'letters, digits, + and / (or - and _)' }

/** @param path `-` is standard input @throws StartError when it cannot be read */
export async function readPayloadFile(path: string): Promise<Buffer> {
  try {
    return await (path === '-' ? buffer(process.stdin) : readFile(path))
  } catch (error) {
    throw new StartError(`${path}: cannot be read: ${(error as Error).message}`)
  }
}

/** Text as it is, everything else in hexadecimal digits, in one line and not too long of it. */
export function payloadText(payload: Buffer): string {
  const text = payload.toString()
  const isText = !/[\p{Cc}\ufffd]/u.test(text.replace(/[\n\r\t]/g, ' '))
  return shorten(isText ? text.replace(/[\n\r\t]/g, ' ') : `0x${payload.toString('hex')}`)
}

const shownCharsMax = 120
const shorten = (text: string) => (text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}...` : text)
