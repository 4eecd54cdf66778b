/** What is wrong with a configuration, for tests. */
import { StartError } from '../telemetry/errors.ts'
import { loadConfig } from './load.ts'

/** The lines of the StartError, without what each begins with; none: it is sound. */
export function problemsOf(text: string, name: string, env: NodeJS.ProcessEnv, beginning = `${name}:`): string[] {
  try {
    loadConfig(text, name, env)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return error.problems.map((it) => it.replace(beginning, ''))
  }
  return []
}
