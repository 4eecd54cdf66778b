/** What must hold between the options of a codec: a payload needs a channel, and no role or name can stand twice. */
import type { columnRoles } from '../telemetry/route.ts'
import { type FilePayload, isRole, members } from './payload.ts'
import type { Given, Report } from './route-relations.ts'

/** A reading has one time, so of these there can be one. */
const timeRoles: Array<(typeof columnRoles)[number]> = ['time', 'uptime', 'age']

/** Only for a payload without problems of its own. */
export function checkPayload(payload: FilePayload, report: Report, given: Given): void {
  if ('each' in payload) {
    if (payload.value !== undefined && payload.values !== undefined) {
      report('payload.values', 'is given beside value, one of the two wanted')
    }
    reportTwice(payload.values ?? [], 'payload.values', report, given)
  } else if (payload.codec === 'csv') checkCsv(payload, report, given)
  else if (payload.codec === 'struct') checkStruct(payload, report, given)
}

type Options<Name> = Extract<FilePayload, { codec: Name }>

function checkCsv({ columns, separator }: Options<'csv'>, report: Report, given: Given): void {
  if (columns.every(isRole)) report('payload.columns', 'hold no channel, only roles')
  for (const [i, column] of columns.entries()) {
    const key = `payload.columns[${i}]`
    if (column.includes(separator)) report(key, `${given(key, column)} holds the separator`)
  }
  reportTwice(columns, 'payload.columns', report, given)
}

function checkStruct({ layout, repeat, step }: Options<'struct'>, report: Report, given: Given): void {
  const [head, body] = [members(layout), members(repeat)].map((them) => them.map(({ name }) => name)) as [
    string[],
    string[],
  ]
  if ([...head, ...body].every(isRole)) {
    const what =
      layout.length + repeat.length === 0 ? 'no members given, layout or repeat wanted' : 'no member is a channel'
    report('payload', what)
  }
  reportTwice(head, 'payload.layout', report, given)
  reportTwice(body, 'payload.repeat', report, given)
  for (const [i, name] of body.entries()) {
    if (!isRole(name) && head.includes(name)) {
      const key = `payload.repeat[${i}]`
      report(key, `${given(key, repeat[i] ?? '')} names a channel that layout has already`)
    }
  }
  if (step !== 0 && repeat.length === 0)
    report('payload.step', 'is the distance between repeats, but repeat is not given')
}

function reportTwice(names: string[], path: string, report: Report, given: Given): void {
  const isTime = (name: string) => timeRoles.some((role) => role === name)
  for (const [i, name] of names.entries()) {
    if (name === '-') continue
    const first = names.findIndex((it) => it === name || (isTime(it) && isTime(name)))
    if (first === i) continue
    const key = `${path}[${i}]`
    const what = names[first] === name ? 'stands twice' : 'is a second time'
    report(key, `${given(key, name)} ${what}, first in ${path}[${first}]`)
  }
}
