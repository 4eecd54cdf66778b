/** What a command of ours writes and answers when it is called as a function. */
import { vi } from 'vitest'
import { StartError } from '../telemetry/errors.ts'

export type Output = { status: number; stdout: string; stderr: string }

/** A StartError ends it with 2 and stands on stderr, as in cli.ts. */
export async function outputOf(run: (argv: string[]) => Promise<number>, ...argv: string[]): Promise<Output> {
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      return true
    }),
  )
  try {
    return { status: await run(argv), ...written }
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return { status: 2, stdout: written.stdout, stderr: `${written.stderr}${error.message}\n` }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
