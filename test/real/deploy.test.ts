/** The files of deploy/ against each other and against the project. No Docker is needed: they are read, not run. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../config/load.ts'
import { datasource } from '../../dashboards/influxql.ts'
import { needs } from '../servers/tools.ts'

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))
const read = (path: string) => readFileSync(join(deploy, path), 'utf8')

type Service = {
  build?: { context: string; dockerfile: string }
  environment: Record<string, string>
  volumes: string[]
  ports: string[]
  healthcheck: { test: string[] }
}
const compose = parse(read('compose.yaml')) as { services: Record<string, Service>; volumes: Record<string, null> }
const services = Object.entries(compose.services)
const { dewpoint, influxdb, grafana } = compose.services as { dewpoint: Service; influxdb: Service; grafana: Service }

/** Variables that a file asks for, without its comments. */
const variablesOf = (text: string) => {
  const plain = text.replace(/^\s*#.*$/gm, '')
  return [...new Set([...plain.matchAll(/\$\{?(\w+)/g)].map((match) => match[1] ?? ''))].sort()
}
/** Host side and container side of a mount; a host side that is a path belongs to the repository. */
const mountsOf = (service: Service) =>
  service.volumes.map((volume) => {
    const [source = '', target = ''] = volume.split(':')
    return { source, target, isFile: source.startsWith('.') }
  })

function makeSecrets(folder: string): Record<string, string> {
  copyFileSync(join(deploy, 'secrets.sh'), join(folder, 'secrets.sh'))
  execFileSync('sh', [join(folder, 'secrets.sh')])
  const lines = readFileSync(join(folder, '.env'), 'utf8').trim().split('\n')
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]))
}

describe('deploy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-deploy-'))
  const secrets = makeSecrets(folder)
  const mode = statSync(join(folder, '.env')).mode & 0o777
  const secondRun = makeSecrets(folder)
  rmSync(folder, { recursive: true })

  test('secrets are long, all different, readable by their owner only, and kept by a second run', () => {
    for (const secret of Object.values(secrets)) expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(Object.values(secrets)).size).toBe(Object.keys(secrets).length)
    expect(mode).toBe(0o600)
    expect(secondRun).toEqual(secrets)
    expect(read('.gitignore').split('\n')).toContain('.env')
  })

  test('compose file takes every password from the secrets, and stops without them', () => {
    expect(Object.keys(compose.services)).toEqual(['dewpoint', 'influxdb', 'grafana'])
    expect(variablesOf(read('compose.yaml'))).toEqual(Object.keys(secrets).sort())
    for (const [, { environment }] of services) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|TOKEN/.test(name)) expect(value).toMatch(/^\$\{[A-Z_]+:\?run deploy\/secrets\.sh first\}$/)
      }
    }
  })

  test.each(services)('service %s has a health check and publishes to the loopback interface only', (_, service) => {
    expect(service.healthcheck.test[0]).toBe('CMD')
    expect(service.healthcheck.test.length).toBeGreaterThan(1)
    expect(service.ports.length).toBeGreaterThan(0)
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  test('every mounted path of the repository and every named volume exists', () => {
    const mounts = services.flatMap(([, service]) => mountsOf(service))
    for (const { source } of mounts.filter((mount) => mount.isFile)) {
      expect(existsSync(resolve(deploy, source)), source).toBe(true)
    }
    const named = mounts.filter((mount) => !mount.isFile).map((mount) => mount.source)
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort())
  })

  test('image copies what exists, runs as another user than root, and says the health check of the compose file', () => {
    const context = resolve(deploy, dewpoint.build?.context ?? '')
    const dockerfile = readFileSync(join(context, dewpoint.build?.dockerfile ?? ''), 'utf8')
    const copied = /^COPY (package.*) \.\/$/m.exec(dockerfile)?.[1]?.split(' ') ?? []
    expect(copied).toEqual(['package.json', 'package-lock.json'])
    for (const file of copied) expect(existsSync(join(context, file)), file).toBe(true)
    expect(dockerfile).toContain('\nUSER node\n')
    const check = /CMD (\[.*process\.exit.*\])$/m.exec(dockerfile)?.[1] ?? '[]'
    expect(['CMD', ...JSON.parse(check)]).toEqual(dewpoint.healthcheck.test)
    const command = parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '') as string[]
    const targets = mountsOf(dewpoint).map((mount) => mount.target)
    expect(targets).toEqual([command[command.indexOf('--data') + 1], command[command.indexOf('--config') + 1]])
  })

  test('configuration of the container is sound, and matches what the compose file sets up', () => {
    const config = loadConfig(read('telemetry.yaml'), 'telemetry.yaml', secrets)
    const { DOCKER_INFLUXDB_INIT_ORG: org, DOCKER_INFLUXDB_INIT_BUCKET: bucket } = influxdb.environment
    const url = 'http://influxdb:8086'
    expect(config.store).toEqual({ type: 'influxdb', url, org, bucket, token: secrets.INFLUX_TOKEN })
    expect(config.broker.credentials).toEqual({ username: 'sensors', password: secrets.MQTT_PASSWORD })
    expect(config.broker.anonymous).toBe(false)
    const published = dewpoint.ports.map((port) => Number(port.split(':')[2]))
    expect([...config.broker.listen.map((address) => address.port), config.http.port]).toEqual(published)
    for (const name of variablesOf(read('telemetry.yaml'))) expect(dewpoint.environment).toHaveProperty(name)
  })

  test('Grafana gets the datasource that the dashboards name, and the folder they are mounted to', () => {
    const sources = read('grafana/provisioning/datasources/dewpoint.yaml')
    const [source, ...more] = (parse(sources) as { datasources: Array<Record<string, unknown>> }).datasources
    expect(more).toEqual([])
    expect(source).toMatchObject({ ...datasource, access: 'proxy', url: 'http://influxdb:8086' })
    expect(source).toMatchObject({
      jsonData: {
        version: 'InfluxQL',
        dbName: influxdb.environment.DOCKER_INFLUXDB_INIT_BUCKET,
        httpMode: 'POST',
        httpHeaderName1: 'Authorization',
      },
    })
    for (const name of variablesOf(sources)) expect(grafana.environment).toHaveProperty(name)

    const json = new URL('../../dashboards/json/', import.meta.url)
    for (const file of readdirSync(json)) {
      const uids = [...readFileSync(new URL(file, json), 'utf8').matchAll(/"type": "influxdb",\s+"uid": "(.*)"/g)]
      expect(new Set(uids.map((match) => match[1])), file).toEqual(new Set([source?.uid]))
    }
    const { providers } = parse(read('grafana/provisioning/dashboards/dewpoint.yaml')) as {
      providers: Array<{ options: { path: string } }>
    }
    const mounted = mountsOf(grafana).find((mount) => mount.source === '../dashboards/json')?.target
    expect(providers.map((provider) => provider.options.path)).toEqual([mounted])
    const home = grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH
    expect(home).toBe(`${mounted}/readings.json`)
  })

  test.skipIf(needs({ systemdAnalyze: true }) !== null)('systemd takes the unit without a warning', () => {
    const verified = spawnSync('systemd-analyze', ['verify', join(deploy, 'dewpoint.service')], { encoding: 'utf8' })
    expect(verified.error).toBeUndefined()
    // The one thing that may differ from machine to machine is where Node stands.
    const warnings = verified.stderr.split('\n').filter((line) => line !== '' && !line.includes('/usr/bin/node'))
    expect(warnings).toEqual([])
  })
})
