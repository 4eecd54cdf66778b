/** The few values of a device that tell a person, and the silence detective, why it may be silent. */
import { limits } from '../../telemetry/limits.ts'
import type { SightedValue } from '../../telemetry/sighting.ts'

const kinds = ['rssi', 'battery', 'firmware'] as const
export type FactKind = (typeof kinds)[number]
export type Fact = { kind: FactKind; value: number | string; unit: string }

/** By words of the channel's name. What stands first is preferred: a percentage of a battery says less than its voltage. */
const words: { [kind in FactKind]: readonly string[] } = {
  rssi: ['rssi', 'rsrp', 'signal'],
  battery: ['vbat', 'voltage', 'battery'],
  firmware: ['firmware', 'fw'],
}

/** The facts with those that the values renew; the same object when they renew none. */
export function renewFacts(facts: readonly Fact[], values: readonly SightedValue[]): readonly Fact[] {
  const found = kinds.flatMap((kind) => factIn(kind, values) ?? [])
  if (found.length === 0) return facts
  return [...facts.filter(({ kind }) => !found.some((fact) => fact.kind === kind)), ...found]
}

function factIn(kind: FactKind, values: readonly SightedValue[]): Fact | null {
  for (const word of words[kind]) {
    for (const { channel, unit, value } of values) {
      if (
        typeof value === 'boolean' ||
        !channel
          .toLowerCase()
          .split(/[^a-z]+/)
          .includes(word)
      )
        continue
      return { kind, value: typeof value === 'string' ? value.slice(0, limits.factCharsMax) : value, unit }
    }
  }
  return null
}

export const factOf = (facts: readonly Fact[], kind: FactKind): Fact | undefined =>
  facts.find((fact) => fact.kind === kind)
