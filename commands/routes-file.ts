/** The configuration for commands that explain it: beside the routes, where each stands in the file. */
import { readFileSync } from 'node:fs'
import { type Config, configFileName, readConfigFile } from '../config/load.ts'
import { parse } from '../telemetry/settings/parse.ts'
import { createProblems } from '../telemetry/settings/problems.ts'

export type RoutesFile = {
  config: Config
  fileName: string
  /** `routes[2] a/{device}/b, telemetry.yaml:17`; without a line where the route is a default. */
  describe(index: number): string
  /** Null where the route is a default. */
  lineOf(index: number): number | null
}

/** @throws StartError with every problem of the file */
export function readRoutes(path: string | undefined): RoutesFile {
  const config = readConfigFile(path)
  const fileName = path ?? configFileName
  const problems = createProblems()
  parse(readText(fileName), process.env, problems)
  const lineOf = (index: number) => problems.places.get(`routes[${index}]`)?.line ?? null
  return {
    config,
    fileName,
    lineOf,
    describe(index) {
      const line = lineOf(index)
      const where = line === null ? 'by default' : `${fileName}:${line}`
      return `routes[${index}] ${config.routes[index]?.topic}, ${where}`
    },
  }
}

/** Without a file the defaults count, and no route stands anywhere. */
function readText(fileName: string): string {
  try {
    return readFileSync(fileName, 'utf8')
  } catch {
    return ''
  }
}
