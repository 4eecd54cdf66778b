/** Clients of others without the fast lane: every reading goes through aedes. */
process.env.DEWPOINT_FAST_LANE = 'off'
await import('./clients.test.ts')
