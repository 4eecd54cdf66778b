/** Starts programs for a benchmark and ends them again, whatever happens; finds what the machine has. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type Running = { pid: number; child: ChildProcess; output(): string; stop(): Promise<void> }

const readyMsMax = 30_000

/** Starts a program and resolves once `isReady` says so. @throws Error with its last words when it ends before. */
export async function start(
  command: string,
  args: string[],
  isReady: (output: string) => boolean | Promise<boolean>,
): Promise<Running> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const hear = (bytes: Buffer) => {
    output = (output + bytes).slice(-100_000)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const running: Running = {
    pid: child.pid ?? 0,
    child,
    output: () => output,
    async stop() {
      process.off('exit', killAtExit)
      if (hasEnded()) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
  await once(child, 'spawn')
  for (const giveUpAt = Date.now() + readyMsMax; !(await isReady(output)); await sleep(20)) {
    if (!hasEnded() && Date.now() < giveUpAt) continue
    child.kill('SIGKILL')
    throw new Error(`${command} did not start: ${output.slice(-2000)}`)
  }
  return running
}

/** A port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The full path of a command, or null. Debian keeps daemons in /usr/sbin, which is not in everyone's PATH. */
export function commandPath(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null
}
