/** What the command lines of the benchmarks have in common. A wrong one ends the process. */

/** How often each case runs. */
export const roundsOf = (given: string): number => wholeNumber('--rounds', given, 1)

export function wholeNumber(option: string, given: string, min: number): number {
  const value = Number(given)
  if (Number.isSafeInteger(value) && value >= min) return value
  return refuse(`${option} ${given}: a whole number from ${min} on is wanted`)
}

/** Those that were named; all of them when none was. */
export function choose<T extends { name: string }>(all: T[], wanted: string[] | undefined): T[] {
  const unknown = wanted?.find((name) => all.every((it) => it.name !== name))
  if (unknown === undefined) return all.filter(({ name }) => wanted?.includes(name) ?? true)
  return refuse(`"${unknown}" is none of ${all.map(({ name }) => name).join(', ')}`)
}

function refuse(reason: string): never {
  console.error(`bench: ${reason}`)
  process.exit(2)
}
