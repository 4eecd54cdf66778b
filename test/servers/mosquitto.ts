/** A real mosquitto for a test, which keeps its sessions over a restart. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandPath, freePort } from './tools.ts'

export type Mosquitto = {
  readonly port: number
  readonly url: string
  /** Resolves when the process has ended; after SIGTERM its sessions are on disk. */
  stop(signal?: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
  /** Stops it and removes its folder. */
  close(): Promise<void>
}

const readyMsMax = 10_000

/** `config`: more lines of mosquitto.conf. */
export async function startMosquitto(config = ''): Promise<Mosquitto> {
  const program = commandPath('mosquitto')
  if (program === null) throw new Error('mosquitto is missing: ask needs({ mosquitto: true }) first')
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-mosquitto-'))
  const port = await freePort()
  const path = join(folder, 'mosquitto.conf')
  // As root it would change to a user who cannot write here.
  const user = process.getuid?.() === 0 ? 'user root\n' : ''
  const kept = `persistence true\npersistence_location ${folder}/\nmax_queued_messages 0\n`
  writeFileSync(path, `listener ${port} 127.0.0.1\nallow_anonymous true\n${user}${kept}${config}`)
  let child: ChildProcess

  async function start(): Promise<void> {
    child = spawn(program as string, ['-c', path], { stdio: 'ignore' })
    for (const deadline = Date.now() + readyMsMax; !(await answers(port)); await sleep(20)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error('mosquitto did not start')
    }
  }
  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  // A test run that is aborted leaves no server behind.
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  await start()

  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    stop,
    restart: start,
    async close() {
      process.off('exit', killAtExit)
      await stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
