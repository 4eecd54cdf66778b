/** How a problem's detail quotes what a payload gave: short, whatever it was. */

const charsMax = 60

export const excerpt = (text: string): string => (text.length > charsMax ? `${text.slice(0, charsMax)}…` : text)

/** A decoded value in a few words; of arrays and objects only what they are, for they can be large. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(excerpt(value))
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return 'an object'
  return String(value)
}
