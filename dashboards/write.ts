/** Writes the committed JSON that Grafana loads. Run by npm, which sets the working directory to the project's. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { readingsJson } from './readings.ts'

mkdirSync('dashboards/json', { recursive: true })
writeFileSync('dashboards/json/readings.json', readingsJson())
