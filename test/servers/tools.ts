/**
 * What a test finds on the machine: commands, free ports, and whether it can run at all. On a developer's machine a
 * test whose tool is missing is skipped with the reason; in CI it fails, so that no test is lost in silence.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Where InfluxDB's build script of `.ci/` leaves the server. */
export const influxdVersion = 'v2.7.12'

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The full path of a command, or null. Debian keeps daemons in /usr/sbin, which is not in everyone's PATH. */
export function commandPath(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  const paths = folders.filter((folder) => folder !== '').map((folder) => join(folder, name))
  return paths.find(isExecutable) ?? null
}

/** The influxd to test against: the one that INFLUXD names, else the one that `.ci/build-influxd.sh` builds. */
export function influxdPath(): string | null {
  const path = process.env.INFLUXD ?? join(homedir(), '.cache', 'influxd', `influxd-${influxdVersion}`)
  return isExecutable(path) ? path : null
}

/** A Python that can `import paho.mqtt`: the one that PAHO_PYTHON names, else the one that `.ci/run` sets up. */
export function pahoPython(): string | null {
  const path = process.env.PAHO_PYTHON ?? join(homedir(), '.cache', 'dewpoint', 'paho', 'bin', 'python')
  if (!isExecutable(path)) return null
  return spawnSync(path, ['-c', 'import paho.mqtt.client'], { stdio: 'ignore' }).status === 0 ? path : null
}

const tools = {
  influxd: { find: influxdPath, hint: 'set INFLUXD, or run .ci/build-influxd.sh' },
  mosquitto: { find: () => commandPath('mosquitto'), hint: 'apt-get install mosquitto' },
  mosquittoClients: { find: () => commandPath('mosquitto_pub'), hint: 'apt-get install mosquitto-clients' },
  chromium: { find: () => commandPath('chromium'), hint: 'apt-get install chromium' },
  systemdAnalyze: { find: () => commandPath('systemd-analyze'), hint: 'apt-get install systemd' },
  strace: { find: () => commandPath('strace'), hint: 'apt-get install strace' },
  cc: { find: () => commandPath('cc'), hint: 'apt-get install build-essential' },
  paho: { find: pahoPython, hint: 'set PAHO_PYTHON to a Python with paho-mqtt, see .ci/run' },
} as const
export type Tool = keyof typeof tools

const printed = new Set<string>()

/**
 * Null when every wanted tool is there, otherwise the reason to skip: `describe.skipIf(needs({ influxd: true }) !== null)`.
 * @throws Error instead of giving a reason when the environment says CI=true.
 */
export function needs(wanted: Partial<Record<Tool, true>>): string | null {
  const missing = (Object.keys(wanted) as Tool[]).filter((tool) => tools[tool].find() === null)
  if (missing.length === 0) return null
  return skip(missing.map((tool) => `${tool} is missing (${tools[tool].hint})`).join('; '))
}

/** Prints, once, why tests are skipped, and gives the reason back. @throws Error in CI, where none may be. */
export function skip(reason: string): string {
  if (process.env.CI === 'true') throw new Error(`no test is skipped in CI: ${reason}`)
  if (!printed.has(reason)) process.stderr.write(`skipped: ${reason}\n`)
  printed.add(reason)
  return reason
}

/** A port of the loopback interface that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
