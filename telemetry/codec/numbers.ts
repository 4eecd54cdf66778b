/** Numbers as payloads give them, for every codec whose payload leaves their form open. */

/** As devices print them: `1.2`, `-5`, `.5`, `1e-3`; not what else JavaScript takes for one (`0x10`, ` `, `Infinity`). */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** null when the text is no decimal number; Infinity when it is one that no double can hold. */
export const decimalNumber = (text: string): number | null => (decimal.test(text) ? Number(text) : null)

/** Of codecs that have integers of 64 bits too: those that were written that wide come as BigInt, whatever their size. */
export const numberOf = (given: unknown): number | null =>
  typeof given === 'number' ? given : typeof given === 'bigint' ? Number(given) : null

/** A whole number from 0 on; else null. */
export function countOf(given: unknown): number | null {
  const count = numberOf(given)
  return count !== null && Number.isSafeInteger(count) && count >= 0 ? count : null
}

/** Seconds that lie ahead: finite, above 0; else null. */
export function secondsAhead(given: unknown): number | null {
  const seconds = numberOf(given)
  return seconds !== null && seconds > 0 && Number.isFinite(seconds) ? seconds : null
}

/** 10^n for n from 0 to 22, all of them exact: with a whole number below 2^53, one multiplication or division rounds once. */
export const powersOfTen: readonly number[] = Array.from({ length: 23 }, (_, n) => Number(`1e${n}`))
