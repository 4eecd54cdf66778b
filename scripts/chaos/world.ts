/**
 * What chaos happens to: a Dewpoint of several processes on a disk whose power can be cut, its store, and a proxy before
 * each of the two. Everything is started here, and nothing else is ever ended.
 */
import { join } from 'node:path'
import { mountPowerDisk, needsPowerDisk, type PowerDisk } from '../../test/faults/disk.ts'
import { clockPreload } from '../../test/faults/storm.ts'
import { type DewpointServer, startDewpoint } from '../../test/servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../../test/servers/influxd.ts'
import { type LinkProxy, startProxy } from './proxy.ts'

export type StoreName = 'duckdb' | 'influxdb'

export type World = {
  readonly server: DewpointServer
  /** Null: the store is embedded. */
  readonly influxd: Influxd | null
  /** Devices connect here. */
  readonly link: LinkProxy
  readonly storeLink: LinkProxy | null
  /** Where the data folder lies; null: this process may not mount one. */
  readonly disk: PowerDisk | null
  /** The clock of the server, milliseconds since 1970. */
  nowMs(): number
  /** From the next start on the server's clock is ahead by so much more. */
  leap(byMs: number): void
  close(): Promise<void>
}

export const workers = 2
const diskMiB = 384

/** @param config lines of telemetry.yaml */
export async function openWorld(store: StoreName, config: string): Promise<World> {
  const closers: Array<() => unknown> = []
  async function close(): Promise<void> {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const disk = (await needsPowerDisk()) === null ? await mountPowerDisk(diskMiB) : null
    if (disk !== null) closers.push(disk.close)
    const influxd = store === 'influxdb' ? await startInfluxd() : null
    if (influxd !== null) closers.push(influxd.close)
    const storeLink = influxd === null ? null : await startProxy(influxd.port)
    if (storeLink !== null) closers.push(storeLink.close)
    const env = { NODE_OPTIONS: clockPreload, CLOCK_AHEAD_MS: '0' }
    const { port } = storeLink ?? {}
    const server = await startDewpoint({
      ...(influxd !== null && { influxd: { ...influxd, url: `http://127.0.0.1:${port}` } }),
      ...(disk !== null && { data: join(disk.folder, 'data') }),
      workers,
      config,
      env,
    })
    // Whatever the run came to, there is nothing left to be drained.
    closers.push(() => server.stop('SIGKILL').then(server.close))
    const link = await startProxy(server.mqttPort)
    closers.push(link.close)
    return {
      server,
      influxd,
      link,
      storeLink,
      disk,
      nowMs: () => Date.now() + Number(env.CLOCK_AHEAD_MS),
      leap(byMs) {
        env.CLOCK_AHEAD_MS = String(Number(env.CLOCK_AHEAD_MS) + byMs)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
