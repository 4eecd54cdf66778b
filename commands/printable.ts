/** Bytes of devices nobody vouches for, fit for a terminal. */
import { printable } from '../telemetry/printable.ts'

/** As text when every character can be seen, else as hexadecimal: 16 bytes a line, each with the place of its first. */
export function printableBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text).equals(bytes) && !/[^\P{Cc}\t\r\n]/u.test(text)
  if (isText) return text.split('\n').map(printable).join('\n')
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const hex = bytes.toString('hex', at, at + 16).replace(/..(?=.)/g, '$& ')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}`)
  }
  return lines.join('\n')
}
