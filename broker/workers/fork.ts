/** A worker as a child process: sockets go to it over the channel of Node, frames over a pipe of their own. */
import { type ChildProcess, fork } from 'node:child_process'
import { Socket } from 'node:net'
import type { GateSetup } from './gate.ts'
import type { WorkerProcess } from './worker.ts'

/** `part`: what the entry of the program needs besides; plain data. */
export type StartMessage<Part> = { setup: GateSetup; part: Part }
export type HandMessage = { id: number; listener: number }

/** File descriptor of the pipe in the child. */
const pipeFd = 4

export function forkWorker<Part>(entry: string, message: StartMessage<Part>): WorkerProcess {
  const child: ChildProcess = fork(entry, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })
  child.send(message, () => {})
  return {
    stream: child.stdio[pipeFd] as Socket,
    hand(id, listener, socket, sent) {
      const hand: HandMessage = { id, listener }
      child.send(hand, socket, (error) => sent(error === null))
    },
    kill: () => void child.kill('SIGKILL'),
    // `close` comes when the pipe is read to its end, too.
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
      child.on('error', (error) => {
        if (child.pid === undefined) resolve(error.message)
      })
    }),
  }
}

export type ChildSide<Part> = {
  stream: Socket
  message: StartMessage<Part>
  onSocket(take: (id: number, listener: number, socket: Socket | undefined) => void): void
}

/** In the child: resolves when the main process has said what to do. It ends at once when that process is gone. */
export function enterWorker<Part>(): Promise<ChildSide<Part>> {
  // Who stops the program signals all of it; the main process says when workers are not needed any more.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('disconnect', () => process.exit(0))
  const stream = new Socket({ fd: pipeFd, readable: true, writable: true })
  stream.on('error', () => {})
  return new Promise((resolve) => {
    process.once('message', (message) => {
      resolve({
        stream,
        message: message as StartMessage<Part>,
        onSocket(take) {
          process.on('message', ({ id, listener }: HandMessage, socket) => take(id, listener, socket as Socket))
        },
      })
    })
  })
}
