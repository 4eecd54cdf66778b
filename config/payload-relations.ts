/** What must hold between the options of a codec: a payload needs a channel, and no role or name can stand twice. */
import { columnRoles } from '../telemetry/route.ts'
import type { ProblemsBelow } from '../telemetry/settings/problems.ts'
import { type FilePayload, isRole, members } from './payload.ts'

/** A reading has one time, so of these there can be one. */
const timeRoles: readonly string[] = ['time', 'uptime', 'age'] satisfies Array<(typeof columnRoles)[number]>

/** Only for a payload without problems of its own. */
export function checkPayload(payload: FilePayload, problems: ProblemsBelow): void {
  if ('each' in payload) {
    if (payload.value !== undefined && payload.values !== undefined) {
      problems.add('payload.values', 'is given beside value, one of the two wanted')
    }
    reportTwice(payload.values ?? [], 'payload.values', [], problems)
  } else if (payload.codec === 'csv') checkCsv(payload, problems)
  else if (payload.codec === 'struct') checkStruct(payload, problems)
}

type Options<Name> = Extract<FilePayload, { codec: Name }>

function checkCsv({ columns, separator }: Options<'csv'>, problems: ProblemsBelow): void {
  if (columns.every(isRole)) problems.add('payload.columns', 'hold no channel, only roles')
  for (const [i, column] of columns.entries()) {
    const key = `payload.columns[${i}]`
    if (column.includes(separator)) problems.add(key, `${problems.given(key, column)} holds the separator`)
  }
  reportTwice(columns, 'payload.columns', columnRoles, problems)
}

function checkStruct({ layout, repeat, step }: Options<'struct'>, problems: ProblemsBelow): void {
  const head = members(layout).map(({ name }) => name)
  const body = members(repeat).map(({ name }) => name)
  if ([...head, ...body].every(isRole)) {
    const what =
      layout.length + repeat.length === 0 ? 'no members given, layout or repeat wanted' : 'no member is a channel'
    problems.add('payload', what)
  }
  reportTwice(head, 'payload.layout', columnRoles, problems)
  reportTwice(body, 'payload.repeat', columnRoles, problems)
  for (const [i, name] of body.entries()) {
    if (!isRole(name) && head.includes(name)) {
      const key = `payload.repeat[${i}]`
      problems.add(key, `${problems.given(key, repeat[i] ?? '')} names a channel that layout has already`)
    }
  }
  if (step !== 0 && repeat.length === 0)
    problems.add('payload.step', 'is the distance between repeats, but repeat is not given')
}

/** @param roles names that stand for more than themselves */
function reportTwice(names: string[], path: string, roles: readonly string[], problems: ProblemsBelow): void {
  const isTime = (name: string) => roles.includes(name) && timeRoles.includes(name)
  for (const [i, name] of names.entries()) {
    if (name === '-' && roles.includes(name)) continue
    const first = names.findIndex((it) => it === name || (isTime(it) && isTime(name)))
    if (first === i) continue
    const key = `${path}[${i}]`
    const what = names[first] === name ? 'stands twice' : 'is a second time'
    problems.add(key, `${problems.given(key, name)} ${what}, first in ${path}[${first}]`)
  }
}
