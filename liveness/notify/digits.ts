/** A font for the ticks of a chart: what numbers and times of day are made of, 3 by 5 pixels, a row a digit of three bits. */
const glyphs: { [char: string]: string } = {
  '0': '75557',
  '1': '26227',
  '2': '71747',
  '3': '71717',
  '4': '55711',
  '5': '74717',
  '6': '74757',
  '7': '71122',
  '8': '75757',
  '9': '75717',
  '-': '00700',
  '.': '00002',
  ':': '02020',
  '+': '02720',
  e: '07747',
}

export const glyphWidth = 3
export const glyphHeight = 5
/** From one character to the next, in pixels of the font. */
export const glyphAdvance = glyphWidth + 1

/** Calls `dot` for each pixel of the text, from its upper left corner; a character that the font has not is a space. */
export function eachDot(text: string, dot: (x: number, y: number) => void): void {
  for (let index = 0; index < text.length; index++) {
    const rows = glyphs[text[index] as string] ?? ''
    for (let y = 0; y < rows.length; y++)
      for (let x = 0; x < glyphWidth; x++)
        if (((Number(rows[y]) >> (glyphWidth - 1 - x)) & 1) === 1) dot(index * glyphAdvance + x, y)
  }
}
