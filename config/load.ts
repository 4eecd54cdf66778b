/**
 * The configuration file, read before anything is opened: either everything in it holds, or a StartError tells every
 * problem at once and nothing is started.
 */
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import type { AlertsConfig } from '../telemetry/alert.ts'
import { durationMs } from '../telemetry/duration.ts'
import { StartError } from '../telemetry/errors.ts'
import type { Route } from '../telemetry/route.ts'
import { check, type Sound } from '../telemetry/settings/check.ts'
import { parse } from '../telemetry/settings/parse.ts'
import { createProblems } from '../telemetry/settings/problems.ts'
import type { Source } from '../telemetry/source.ts'
import { type Address, httpAddress, type ListenAddress, listenAddress, sourceAddress } from './address.ts'
import { toAlerts } from './alerts.ts'
import { checkRelations } from './relations.ts'
import { toRoute } from './route.ts'
import { linkText } from './rules.ts'
import { type ConfigFile, configSchema } from './schema.ts'
import { sizeBytes } from './size.ts'

export type Access = {
  /** The devices file; null: the one in the data folder. */
  devices: string | null
  derivedKeys: string[]
  operators: Array<{ username: string; password: string }>
  rules: { publish: string[]; subscribe: string[] }
  connectionsPerAddress: number | null
  /** The broker's, once more. */
  anonymous: boolean
}

/** Plain data, everything filled in. */
export type Config = {
  /** Folder, relative to the working directory. */
  data: string
  broker: {
    listen: ListenAddress[]
    /** Paths of PEM files. */
    tls: { cert: string; key: string; ca: string | null; clientCertificates: 'none' | 'optional' | 'required' } | null
    /** Of pages that may open a WebSocket, besides those of the same host. */
    origins: string[]
    /** Topics whose messages wait for a session this long. */
    commands: { topics: string[]; expiryMs: number }
    /** Fractions of the clients of which lines are logged. */
    accessLog: { connects: number; publishes: number }
    /** Of each listener of a scheme. */
    connections: { [scheme in ListenAddress['scheme']]?: number }
    /** Processes that hold the connections; 0: this one does. */
    workers: number
    anonymous: boolean
    credentials: { username: string; password: string } | null
    access: Access | null
    /** Topic pattern of births and wills. */
    status: string
  }
  /** `ingestToken`: what POST /api/ingest wants as a Bearer token. */
  http: Address & { anonymous: boolean; ingestToken: string | null }
  /** `url`: without a trailing slash. */
  store: { type: 'duckdb' } | { type: 'influxdb'; url: string; org: string; bucket: string; token: string }
  journal: { bytesMax: number }
  sources: Source[]
  routes: Route[]
  alerts: AlertsConfig
}

export const configFileName = 'telemetry.yaml'

/**
 * @param text the file's text; null, like an empty file, gives the defaults
 * @param fileName as problems shall name it
 * @throws StartError with every problem, in the order of the file
 */
export function loadConfig(text: string | null, fileName: string, env: NodeJS.ProcessEnv): Config {
  const problems = createProblems()
  const value = parse(text ?? '', env, problems)
  const file = check(configSchema, value ?? new Map(), '', problems)
  if (file !== undefined) checkRelations(file as Sound<ConfigFile>, problems)
  const found = problems.list(fileName)
  if (found.length > 0) throw new StartError(found)
  assert(Value.Check(configSchema, file))
  return toConfig(file)
}

/**
 * @param path as the operator named it; undefined: telemetry.yaml in the folder, or the defaults when there is none
 * @throws StartError when the named file is not there, a file cannot be read, or something in it does not hold
 */
export function readConfigFile(path: string | undefined, env: NodeJS.ProcessEnv = process.env, folder = '.'): Config {
  const fileName = path ?? configFileName
  let text: string | null = null
  try {
    text = readFileSync(path ?? join(folder, configFileName), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw new StartError(`${fileName}: the configuration file cannot be read (${code})`)
    if (path !== undefined) throw new StartError(`${fileName}: there is no such configuration file`)
  }
  return loadConfig(text, fileName, env)
}

/** Only for a file that was checked: every address and size can be read. */
function toConfig(file: ConfigFile): Config {
  const { listen, tls, credentials, connections = {}, commands, ...broker } = file.broker
  const { store } = file
  return {
    data: file.data,
    broker: {
      ...broker,
      listen: listen.map((it) => sure(listenAddress(it))),
      tls: tls === undefined ? null : { ...tls, ca: tls.ca ?? null },
      credentials: credentials ?? null,
      access: toAccess(file.broker),
      connections,
      commands: { topics: commands.topics, expiryMs: sure(durationMs(commands.expiry)) },
    },
    http: {
      ...sure(httpAddress(file.http.listen)),
      anonymous: file.http.anonymous,
      ingestToken: file.http.ingestToken ?? null,
    },
    store: store.type === 'influxdb' ? { ...store, url: linkText(store.url) } : store,
    journal: { bytesMax: sure(sizeBytes(file.journal.bytesMax)) },
    sources: file.sources.map(toSource),
    routes: file.routes.map(toRoute),
    alerts: toAlerts(file.alerts, file.notifiers),
  }
}

function toAccess({ access, anonymous }: ConfigFile['broker']): Access | null {
  if (access === undefined) return null
  const { devices = null, derivedKey = [], operators, rules, connectionsPerAddress = null } = access
  const derivedKeys = typeof derivedKey === 'string' ? [derivedKey] : derivedKey
  return { devices, derivedKeys, operators, rules, connectionsPerAddress, anonymous }
}

function toSource({ username, password, share, ...source }: ConfigFile['sources'][number]): Source {
  const { host, port } = sure(sourceAddress(source.url))
  // Two sources may differ by their clientId alone.
  const name = `${source.clientId}@${host.includes(':') ? `[${host}]` : host}:${port}`
  return { ...source, name, username: username ?? null, password: password ?? null, share: share ?? null }
}

function sure<T>(value: T | null): T {
  assert(value !== null)
  return value
}
