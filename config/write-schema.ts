/** Writes the JSON Schema for editors, from the root of the project: `node dist/config/write-schema.js`. */
import { writeFileSync } from 'node:fs'
import { jsonSchema } from './json-schema.ts'

writeFileSync('docs/telemetry.schema.json', jsonSchema())
