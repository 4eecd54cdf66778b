/** Resolves after the time, or with the first Ctrl-C; a second one ends the process as usual. */
export function untilInterrupted(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      process.off('SIGINT', end).off('SIGTERM', end)
      resolve()
    }
    const timer = setTimeout(end, durationMs)
    process.on('SIGINT', end).on('SIGTERM', end)
  })
}
