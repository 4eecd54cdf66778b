/** The table at the end: each fault, and for each store how often it came, the longest recovery, and what was wrong afterwards. */
import { tableLines } from '../../bench/report.ts'
import { faults } from './faults.ts'
import type { Run } from './run.ts'

/** @param runs one for each store */
export function faultTable(runs: Run[]): string[] {
  const head = [
    'fault',
    ...runs.flatMap(({ store, fleet }) => [`${store}, ${fleet}: times`, 'longest recovery s', 'losses']),
  ]
  const wrong = runs.map(findingsByFault)
  const rows = faults.map(({ name }) => [
    name,
    ...runs.flatMap((run, i) => {
      const own = run.happened.filter((it) => it.name === name)
      if (own.length === 0) return [run.lacking.find((it) => it.name === name)?.why ?? '0', '', '']
      const isOpen = own.some(({ recoveryMs }) => recoveryMs === null)
      const longestMs = Math.max(...own.map(({ recoveryMs }) => recoveryMs ?? 0))
      const longest = isOpen ? 'not recovered' : (longestMs / 1000).toFixed(1)
      return [String(own.length), longest, String(wrong[i]?.get(name) ?? 0)]
    }),
  ])
  const none = ['of no fault', ...runs.flatMap((_, i) => ['', '', String(wrong[i]?.get('') ?? 0)])]
  return tableLines(head, [...rows, none])
}

/** What is wrong belongs to the fault that began last before the PUBACK; to '' where it is not of one reading. */
function findingsByFault({ happened, findings }: Run): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { atMs } of findings) {
    const name = atMs === null ? '' : (happened.findLast((it) => it.atMs <= atMs)?.name ?? '')
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}
