/** What stands in each column of a CsvLayout, for both directions. */
import { type CsvLayout, columnRoles } from '../route.ts'

type Role = (typeof columnRoles)[number]
export type CsvColumn = { role: 'value'; channel: string } | { role: Role; channel: null }

/** A channel is named as its column; the only one is '', for its name says nothing that the route does not. */
export function csvColumns({ columns }: CsvLayout): CsvColumn[] {
  const isRole = (name: string): name is Role => (columnRoles as readonly string[]).includes(name)
  const isOnly = columns.filter((name) => !isRole(name)).length === 1
  return columns.map((name) => {
    if (isRole(name)) return { role: name, channel: null }
    return { role: 'value', channel: isOnly ? '' : name }
  })
}

/** The base of the time that stands in a column of that role. */
export const csvTimeBases = { time: 'unix', uptime: 'boot', age: 'now' } as const
