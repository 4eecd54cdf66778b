/** The schema for editors, which complete and check telemetry.yaml while it is written. */
import Type, { type TSchema } from 'typebox'
import { configSchema, isOmittable } from './schema.ts'

/** Text of docs/telemetry.schema.json. configSchema names the filled file; in the written one keys may be left out. */
export function jsonSchema(): string {
  const forEditors = (_key: string, value: unknown) => {
    if (!Type.IsObject(value)) return value
    const required = Object.keys(value.properties).filter((key) => !isOmittable(value.properties[key] as TSchema))
    const $schema = value === configSchema ? { $schema: 'http://json-schema.org/draft-07/schema#' } : {}
    return { ...$schema, ...value, required: required.length > 0 ? required : undefined }
  }
  return `${JSON.stringify(configSchema, forEditors, 2)}\n`
}
