/** Tables of docs/simulator.md that follow from the schema and the scenarios; a test keeps them true. */
import Type, { type TObject, type TSchema, type TUnion } from 'typebox'
import { durationText } from '../../telemetry/duration.ts'
import { linkPresetDefault, linkPresetNames, linkPresets } from './defaults.ts'
import { loadScenario, scenarioNames } from './load.ts'
import { ratesOf } from './scenario.ts'
import { scenarioSchema } from './schema.ts'

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')

/** Each stands between two comments of its name in the document. */
export const tables: { [name: string]: () => string } = {
  scenarios: () =>
    table(
      ['scenario', 'devices', 'reports a minute', 'virtual', 'real', 'what it is'],
      scenarioNames().map((name) => {
        const scenario = loadScenario(name, {})
        const { devices, reportsPerMin } = ratesOf(scenario)
        const { virtual, real } = scenario.durationMs
        const rate = String(Number(reportsPerMin.toPrecision(3)))
        return [`\`${name}\``, String(devices), rate, durationText(virtual), durationText(real), scenario.description]
      }),
    ),
  keys: () => {
    const { profiles, incidents, expect } = scenarioSchema.properties
    const profile = profiles.items
    const links = (profile.properties.link as unknown as TUnion).anyOf.filter(Type.IsObject)
    const variants = (incidents.items as TUnion).anyOf.filter(Type.IsObject)
    return [
      section('The file', rowsOf(scenarioSchema)),
      section('profiles', rowsOf(profile)),
      section('profiles.faults', rowsOf(profile.properties.faults.items)),
      section(
        'profiles.link, beside a preset; defaults are those of perfect',
        rowsOf(links.find((it) => constant(it, 'preset') === linkPresetDefault) as TObject),
      ),
      section('incidents', rowsOfVariants(variants)),
      section('expect', rowsOf(expect)),
    ].join('\n')
  },
  links: () =>
    table(
      ['preset', 'radio', 'cell', 'what it is'],
      linkPresetNames.map((name) => {
        const { title, radio, cell } = linkPresets[name]
        return [`\`${name}\``, radio, cell, title]
      }),
    ),
}

/** The document with its tables as they are to be. */
export function withTables(document: string): string {
  return Object.entries(tables).reduce(
    (text, [name, make]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- end of ${name} -->)`),
        (_, begin: string, end: string) => `${begin}\n${make()}\n${end}`,
      ),
    document,
  )
}

const section = (title: string, rows: string[][]) => `**${title}**\n\n${table(['key', 'what it is', 'default'], rows)}`

const constant = (schema: TObject, key: string) => (schema.properties[key] as { const?: string } | undefined)?.const

function rowsOf({ properties }: TObject): string[][] {
  return Object.entries(properties).map(([key, schema]) => [`\`${key}\``, describe(schema), presetOf(schema)])
}

function describe(schema: TSchema): string {
  const { description, enum: choices } = schema as { description?: string; enum?: string[] }
  if ('const' in schema) return `Whose figures the others are. ${oneOf(linkPresetNames)}`
  const items = Type.IsArray(schema) ? (schema.items as { enum?: string[] }).enum : undefined
  const names = choices ?? items
  return names === undefined ? `${description}` : `${description} ${oneOf(names)}`
}

const oneOf = (names: string[]) => `One of ${names.map((it) => `\`${it}\``).join(', ')}.`

function presetOf(schema: TSchema): string {
  if ('default' in schema) {
    return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``
  }
  return Type.IsOptional(schema) || Type.IsObject(schema) ? '' : 'wanted'
}

/** The kinds of one union: what all have is told once. */
function rowsOfVariants(variants: TObject[]): string[][] {
  const kinds = variants.map(({ properties }) => {
    const { description = '', const: kind } = properties.kind as { description?: string; const?: string }
    return [`\`kind: ${kind}\``, description, '']
  })
  const others = new Map(variants.flatMap((it) => rowsOf(it).map((row) => [row[0] as string, row] as const)))
  others.delete('`kind`')
  return [...kinds, ...others.values()]
}
