/** Numbers as devices print them: `1.2`, `-5`, `.5`, `1e-3`; not what else JavaScript takes for one (`0x10`, ` `, `Infinity`). */

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** null when the text is no decimal number; Infinity when it is one that no double can hold. */
export const decimalNumber = (text: string): number | null => (decimal.test(text) ? Number(text) : null)
