/** A schema for editors, which complete and check a file of settings while it is written. */
import Type, { type TSchema } from 'typebox'
import { isOmittable } from './check.ts'

/** JSON text. `root` names the filled file; in the written one keys may be left out. */
export function editorSchema(root: TSchema): string {
  const forEditors = (_key: string, value: unknown) => {
    if (!Type.IsObject(value)) return value
    const required = Object.keys(value.properties).filter((key) => !isOmittable(value.properties[key] as TSchema))
    const $schema = value === root ? { $schema: 'http://json-schema.org/draft-07/schema#' } : {}
    return { ...$schema, ...value, required: required.length > 0 ? required : undefined }
  }
  return `${JSON.stringify(root, forEditors, 2)}\n`
}
