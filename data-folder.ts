/**
 * The data folder: it must be writable, and one Dewpoint at a time works in it. Who works there listens on a socket in
 * the folder: unlike a process number it ends with the process, and means the same in every container.
 */
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from './telemetry/errors.ts'
import { limits } from './telemetry/limits.ts'

export type DataFolder = { path: string; release(): Promise<void> }

/** The kernel takes no longer path for a socket. */
const socketPathBytesMax = 100

/** @throws StartError when it cannot be written, or another process holds it. */
export async function claimDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given)
  try {
    makeFolder(path)
    accessSync(path, constants.W_OK)
    const socket = socketOf(path)
    if (await isAnswered(socket)) throw new StartError(`data ${path}: used by another Dewpoint`)
    rmSync(socket, { force: true })
    return { path, release: await listen(socket) }
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`data ${path}: cannot be written: ${(error as Error).message}`)
  }
}

/** The same, but whoever holds it now is on its way out and gets a while for that. */
export async function claimSoon(path: string): Promise<DataFolder> {
  for (const deadline = performance.now() + limits.partClaimMsMax; ; await sleep(20)) {
    try {
      return await claimDataFolder(path)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
  }
}

/** Level by level: mkdirSync's own recursion never ends where the system answers ENOENT, as under /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

function socketOf(path: string): string {
  const socket = join(path, 'dewpoint.sock')
  if (Buffer.byteLength(socket) <= socketPathBytesMax) return socket
  return join(tmpdir(), `dewpoint-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`)
}

/** A killed process leaves its socket behind, but nobody answers there. */
function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    const answer = (isTaken: boolean) => {
      connection.destroy()
      resolve(isTaken)
    }
    connection.once('connect', () => answer(true))
    connection.once('error', () => answer(false))
  })
}

function listen(socket: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy())
    server.once('error', reject)
    server.listen(socket, () => resolve(() => new Promise((done) => server.close(() => done()))))
  })
}
