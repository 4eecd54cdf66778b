/** Texts that nobody vouches for, fit for a terminal and a log. */

// Control characters move the cursor and worse, and marks of direction make a line read as another.
const unprintable = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** Each character that would act instead of being seen becomes its number: `\u{1b}`. */
export const printable = (text: string): string =>
  text.replace(unprintable, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)

/** The same for text of several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')
