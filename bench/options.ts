/** What the command lines of the benchmarks have in common. A wrong one ends the process. */

/** How often each case runs. */
export function roundsOf(given: string): number {
  const rounds = Number(given)
  if (Number.isSafeInteger(rounds) && rounds >= 1) return rounds
  return refuse(`--rounds ${given}: a whole number from 1 on is wanted`)
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
