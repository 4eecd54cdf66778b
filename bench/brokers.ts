/** The servers that idle clients are connected to: mosquitto and Dewpoint, on a port that stays the same over a restart. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type Running, start } from './processes.ts'
import { isListening, mosquittoPath, nodeFlags } from './servers.ts'

export type Certificate = { cert: string; key: string }
export type BrokerStart = { folder: string; port: number; certificate: Certificate | null }
export type RunningBroker = Running & {
  /** Ends it at once; nothing is said to clients. */
  kill(): Promise<void>
}
export type Broker = {
  name: string
  /** Why it cannot run here, or null. */
  missing: string | null
  start(options: BrokerStart): Promise<RunningBroker>
}

export const mosquittoName = 'mosquitto'

/** `workers`: of a case more; 0: there is none. */
export function brokers(workers: number): Broker[] {
  const mosquitto = mosquittoPath()
  return [
    {
      name: mosquittoName,
      missing: mosquitto === null ? 'apt-get install mosquitto' : null,
      start: (options) => startMosquitto(mosquitto as string, options),
    },
    { name: 'dewpoint', missing: null, start: (options) => startDewpoint([], options) },
    ...(workers === 0
      ? []
      : [
          {
            name: 'dewpoint_workers',
            missing: null,
            start: (options: BrokerStart) => startDewpoint([`workers: ${workers}`], options),
          },
        ]),
  ]
}

async function startMosquitto(program: string, { folder, port, certificate }: BrokerStart): Promise<RunningBroker> {
  const config = join(folder, 'mosquitto.conf')
  const tls = certificate === null ? [] : [`certfile ${certificate.cert}`, `keyfile ${certificate.key}`]
  const settings = ['allow_anonymous true', 'persistence false', 'set_tcp_nodelay true', 'log_type error']
  // Started by root it becomes another user, who cannot read the folder.
  if (process.getuid?.() === 0) settings.push('user root')
  writeFileSync(config, [`listener ${port} 127.0.0.1`, ...tls, ...settings, ''].join('\n'))
  return killable(await start(program, ['-c', config], () => isListening(port)))
}

async function startDewpoint(broker: string[], { folder, port, certificate }: BrokerStart): Promise<RunningBroker> {
  const config = join(folder, 'telemetry.yaml')
  const tls = certificate === null ? [] : [`tls: { cert: ${certificate.cert}, key: ${certificate.key} }`]
  const listen = `listen: [${certificate === null ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}]`
  const lines = [
    'broker:',
    ...[listen, ...tls, ...broker].map((it) => `  ${it}`),
    'http:',
    `  listen: 127.0.0.1:${await freePort()}`,
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  const program = join(import.meta.dirname, '..', 'cli.js')
  const args = ['start', '--config', config, '--data', join(folder, 'data'), '--no-demo']
  const isUp = (output: string) => output.includes('Dewpoint is up.')
  return killable(await start(process.execPath, [...nodeFlags, program, ...args], isUp))
}

function killable(running: Running): RunningBroker {
  return {
    ...running,
    async kill() {
      const { child } = running
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }
      await running.stop()
    },
  }
}

/** Of this run; clients do not ask who vouches for it. */
export function makeCertificate(folder: string): Certificate {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const args = ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-subj', '/CN=localhost']
  execFileSync('openssl', args, { stdio: 'pipe' })
  return { cert, key }
}
