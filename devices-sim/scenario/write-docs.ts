/** Writes what follows from the schema of scenarios, from the root of the project: `node dist/devices-sim/scenario/write-docs.js`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { editorSchema } from '../../telemetry/settings/json-schema.ts'
import { scenarioSchema } from './schema.ts'
import { withTables } from './tables.ts'

writeFileSync('docs/scenario.schema.json', editorSchema(scenarioSchema))
writeFileSync('docs/simulator.md', withTables(readFileSync('docs/simulator.md', 'utf8')))
