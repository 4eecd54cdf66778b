/** A disk that takes writes and fails to sync them: strace answers the system call of running processes with EIO. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { until } from './waiting.ts'

export type FailingSyncs = {
  /** Resolves when syncs reach the disk again. */
  heal(): Promise<void>
}

/** Every fdatasync of these processes fails from now on; strace must be there (`needs({ strace: true })`). */
export async function failSyncs(pids: number[]): Promise<FailingSyncs> {
  const whom = pids.flatMap((pid) => ['-p', String(pid)])
  const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO']
  const strace = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...whom, ...inject], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(strace, 'exit')
  const kill = () => strace.kill('SIGKILL')
  process.once('exit', kill)
  const heal = async () => {
    process.off('exit', kill)
    kill()
    await ended
  }
  const isTraced = (pid: number) => /TracerPid:\s+[1-9]/.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  try {
    await until(() => pids.every(isTraced), 'strace attached', 10_000)
  } catch (error) {
    await heal()
    throw error
  }
  return { heal }
}
