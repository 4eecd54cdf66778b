/** Texts and bytes of devices nobody vouches for, fit for a terminal. */

// Control characters move the cursor and worse, and marks of direction make a line read as another.
const unprintable = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** Each character that would act instead of being seen becomes its number: `\u{1b}`. */
export const printable = (text: string): string =>
  text.replace(unprintable, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)

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
