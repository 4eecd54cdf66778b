/** The same with two processes that hold the connections. */
process.env.DEWPOINT_WORKERS = '2'
await import('./power-cut.test.ts')
