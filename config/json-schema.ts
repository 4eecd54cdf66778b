/** The schema for editors, which complete and check telemetry.yaml while it is written. */
import { editorSchema } from '../telemetry/settings/json-schema.ts'
import { configSchema } from './schema.ts'

/** Text of docs/telemetry.schema.json. */
export const jsonSchema = (): string => editorSchema(configSchema)
