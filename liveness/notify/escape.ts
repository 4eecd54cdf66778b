/** Texts of devices and people in the languages of receivers. Each answers a text that is seen as it is, and does nothing. */
import { entities } from '../../telemetry/html.ts'
import { printable } from '../../telemetry/printable.ts'

/** At most so many characters, never half of one. */
export function cut(text: string, charsMax: number): string {
  const chars = Array.from(text)
  return chars.length <= charsMax ? text : `${chars.slice(0, charsMax - 1).join('')}…`
}

/** One line, fit for a title and a header: line ends would begin another header [RFC 5322 §2.2]. */
export const oneLine = (text: string): string => printable(text.replace(/\s+/g, ' ').trim())

/** Several lines; the rest as oneLine. */
export const lines = (text: string): string =>
  text
    .split(/\r\n|\r|\n/)
    .map((line) => printable(line))
    .join('\n')

/**
 * Slack: & < > are its control characters, `<!channel>` wakes everybody. * _ ~ ` only format, and Slack knows no escape for them: a zero
 * width space keeps a pair of them from being one.
 */
export const slack = (text: string): string =>
  text.replace(/[&<>]/g, (char) => entities[char] as string).replace(/[*_~`]/g, '\u200b$&')

/** Discord and Teams: Markdown. Mentions in Discord are switched off beside (allowed_mentions). */
export const markdown = (text: string): string => text.replace(/[\\*_~`|[\]()<>#@]/g, '\\$&')

/** Bytes of one encoded word, so that it stays below 75 characters [RFC 2047 §2]. */
const wordBytesMax = 45

/** A text in an HTTP header of ntfy: as it is in ASCII, else encoded words [RFC 2047 §4.1], which ntfy decodes. */
export function header(text: string): string {
  const line = oneLine(text)
  if (/^[\x20-\x7e]*$/.test(line) && !line.includes('=?')) return line
  const words: string[] = []
  let word = ''
  for (const char of line) {
    if (Buffer.byteLength(word + char) > wordBytesMax) {
      words.push(word)
      word = ''
    }
    word += char
  }
  words.push(word)
  return words.map((it) => `=?UTF-8?B?${Buffer.from(it).toString('base64')}?=`).join(' ')
}

/** JSON of ASCII only, for a header. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
