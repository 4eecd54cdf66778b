/** The version, from package.json: beside this file, or above it once it is built. */
import { existsSync, readFileSync } from 'node:fs'

export function readVersion(): string {
  const beside = new URL('./package.json', import.meta.url)
  const file = existsSync(beside) ? beside : new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
