/** The first form of Dewpoint, from the git history: what the figures of ingest are measured against. */
import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

export const firstFormCommit = '0426104'

const root = join(import.meta.dirname, '..', '..')
const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })

/**
 * Checks it out at `folder` and compiles it; its dependencies are among ours.
 * @returns its compiled code, or why there is none
 */
export function buildFirstForm(folder: string): { dist: string; remove(): void } | { missing: string } {
  try {
    git('cat-file', '-e', `${firstFormCommit}^{commit}`)
  } catch {
    return { missing: `the git history holds no ${firstFormCommit}: no ratio to the first form` }
  }
  git('worktree', 'add', '--detach', folder, firstFormCommit)
  const remove = () => void git('worktree', 'remove', '--force', folder)
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    execFileSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(folder, 'tsconfig.json')])
  } catch (error) {
    remove()
    throw error
  }
  return { dist: join(folder, 'dist'), remove }
}
