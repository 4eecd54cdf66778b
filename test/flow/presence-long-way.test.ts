/** Presence without the fast lane: every reading goes through aedes. */
process.env.DEWPOINT_FAST_LANE = 'off'
await import('./presence.test.ts')
