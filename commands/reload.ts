/** New routes while Dewpoint runs: the file is read again; a file that does not hold changes nothing. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'
import type { Route } from '../telemetry/route.ts'

export type ReloadOptions = {
  /** As it runs. */
  config: Config
  /** @throws StartError with every problem */
  read: () => Config
  /** Answers what differs, a line for each; throws StartError when these routes cannot be taken. */
  setRoutes: (routes: Route[]) => Promise<string[]>
  reloads: { done: number; failed: number }
  log: Logger
}

/** One reload after the other; calls that come while one waits already are that one. Never rejects. */
export function createReload(options: ReloadOptions): (why: string) => Promise<void> {
  const { config, read, setRoutes, reloads, log } = options
  let last = Promise.resolve()
  let isWaiting = false

  async function reload(why: string): Promise<void> {
    isWaiting = false
    try {
      const next = read()
      const lines = await setRoutes(next.routes)
      reloads.done++
      for (const line of lines) log.info({ why }, `routes: ${line}`)
      if (lines.length === 0) log.info({ why }, 'routes: as before')
      for (const key of changedKeys(config, next)) log.warn({ why, key }, `${key}: changed, needs a restart`)
    } catch (error) {
      reloads.failed++
      if (!(error instanceof StartError)) log.error({ why, err: error }, 'routes could not be changed')
      else for (const problem of error.problems) log.error({ why }, problem)
      log.error({ why }, 'the configuration stays as it was')
    }
  }

  return (why) => {
    if (!isWaiting) last = last.then(() => reload(why))
    isWaiting = true
    return last
  }
}

const isGroup = (it: unknown): it is { [key: string]: unknown } =>
  typeof it === 'object' && it !== null && !Array.isArray(it)

/** Keys whose values differ, without the routes: `data`, `broker.listen`. Never the values, some are secret. */
function changedKeys(before: Config, after: Config): string[] {
  const { routes: _before, ...old } = before
  const { routes: _after, ...now } = after
  return Object.entries<unknown>(old).flatMap(([key, value]) => {
    const other: unknown = now[key as keyof typeof now]
    if (isDeepStrictEqual(value, other)) return []
    if (!isGroup(value) || !isGroup(other)) return [key]
    const parts = Object.keys({ ...value, ...other })
    const isChanged = (part: string) => !isDeepStrictEqual(value[part], other[part])
    return parts.filter(isChanged).map((part) => `${key}.${part}`)
  })
}
