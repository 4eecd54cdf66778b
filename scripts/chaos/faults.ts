/**
 * The faults, each with what it strikes and how it is healed. One that holds lasts for a while, and another may strike
 * meanwhile; the others are over at once.
 */
import { execFile } from 'node:child_process'
import { existsSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Random } from '../../devices-sim/random.ts'
import { cutPower } from '../../test/faults/cut-power.ts'
import type { PowerDisk } from '../../test/faults/disk.ts'
import { failSyncs } from '../../test/faults/failing-syncs.ts'
import { health, until } from '../../test/faults/waiting.ts'
import { workersOf } from '../../test/servers/dewpoint.ts'
import type { Influxd } from '../../test/servers/influxd.ts'
import { needs } from '../../test/servers/tools.ts'
import type { Fleet } from './fleet.ts'
import type { LinkProxy } from './proxy.ts'
import type { World } from './world.ts'

export type Stage = { world: World; fleet: Fleet; random: Random }
export type Held = { heal(): Promise<void> | void }

export type Fault = {
  name: string
  /**
   * Two faults at once strike two of these; all: it strikes alone. A power cut proves itself by a file that it writes, and by processes
   * that it stops: neither goes with a full disk, or with a server whose system calls are traced.
   */
  strikes: 'server' | 'store' | 'link' | 'disk' | 'all'
  /** How long it may hold, in seconds; absent: it is over at once. */
  holdS?: readonly [from: number, to: number]
  /** Why it cannot happen in this world; null: it can. */
  lacks(world: World): string | null
  begin(stage: Stage): Promise<Held | undefined>
}

const run = promisify(execFile)
const always = () => null
const whereStoreIsApart = ({ influxd }: World) => (influxd === null ? 'the store is part of Dewpoint' : null)
const whereDiskIsOurs = ({ disk }: World) => (disk === null ? 'no disk image can be mounted' : null)

/** Longer than it takes until a write to the store is given up: what the store took in meanwhile is then written twice. */
const frozenS = [2, 25] as const
/** Devices send something more often. */
const noticedMsMax = 20_000
const leapMsMax = 20 * 60_000

export const faults: Fault[] = [
  {
    name: 'kill -9 of the main process',
    strikes: 'server',
    lacks: always,
    async begin({ world: { server }, random }) {
      await server.stop('SIGKILL')
      await sleep(random.below(2) * random.between(0, 500))
      await server.restart()
      return undefined
    },
  },
  {
    name: 'kill -9 of a worker',
    strikes: 'server',
    lacks: always,
    async begin({ world: { server }, random }) {
      const pids = workersOf(server.pid)
      const victim = pids[random.below(pids.length)]
      if (victim !== undefined) process.kill(victim, 'SIGKILL')
      return undefined
    },
  },
  {
    name: 'SIGTERM and start',
    strikes: 'server',
    lacks: always,
    async begin({ world: { server } }) {
      await server.stop('SIGTERM')
      await server.restart()
      return undefined
    },
  },
  {
    name: 'clock leaps ahead',
    strikes: 'server',
    lacks: always,
    async begin({ world, fleet, random }) {
      await world.server.stop('SIGKILL')
      world.leap(Math.round(random.between(1_000, leapMsMax)))
      fleet.leapt()
      await world.server.restart()
      return undefined
    },
  },
  {
    name: 'power cut',
    strikes: 'all',
    lacks: whereDiskIsOurs,
    async begin({ world }) {
      await cutPower(world.server, world.disk as PowerDisk)
      await world.server.restart()
      return undefined
    },
  },
  {
    name: 'fdatasync fails',
    strikes: 'server',
    holdS: [0, 2],
    lacks: () => needs({ strace: true }),
    async begin({ world: { server } }) {
      const failing = await failSyncs([server.pid, ...workersOf(server.pid)])
      const heal = async () => {
        await failing.heal()
        // It acknowledges nothing until a person has looked, and starts it again.
        await server.stop('SIGKILL')
        await server.restart()
      }
      const { pid } = server
      // Where the order of the journal's parts is what fails first, the process ends.
      const hasFailed = async () => !existsSync(`/proc/${pid}`) || (await health(server)).failing.includes('journal')
      try {
        await until(() => hasFailed().catch(() => false), 'the journal has failed', noticedMsMax)
      } catch (error) {
        await heal()
        throw error
      }
      return { heal }
    },
  },
  {
    name: 'disk full',
    strikes: 'disk',
    holdS: [1, 6],
    lacks: whereDiskIsOurs,
    async begin({ world: { disk, server } }) {
      const { folder } = disk as PowerDisk
      const ballast = join(folder, 'ballast')
      const rest = join(folder, 'ballast-rest')
      const heal = () => {
        for (const path of [ballast, rest]) rmSync(path, { force: true })
      }
      const { bavail, bsize } = statfsSync(folder)
      try {
        await run('fallocate', ['-l', String(bavail * bsize), ballast])
        // Then what is kept for root, to the last block: dd ends because there is no more room.
        await run('dd', ['if=/dev/zero', `of=${rest}`, 'bs=64k']).catch(() => {})
        // Whoever needs a block first: the journal, or the store's file.
        await until(async () => (await health(server)).status === 503, 'the full disk is noticed', noticedMsMax)
      } catch (error) {
        heal()
        throw error
      }
      return { heal }
    },
  },
  {
    name: 'kill -9 of the store',
    strikes: 'store',
    lacks: whereStoreIsApart,
    async begin({ world }) {
      const influxd = world.influxd as Influxd
      await influxd.stop('SIGKILL')
      await influxd.restart()
      return undefined
    },
  },
  {
    name: 'store down',
    strikes: 'store',
    holdS: [2, 15],
    lacks: whereStoreIsApart,
    async begin({ world }) {
      const influxd = world.influxd as Influxd
      await influxd.stop('SIGTERM')
      return { heal: influxd.restart }
    },
  },
  {
    name: 'store frozen',
    strikes: 'store',
    holdS: frozenS,
    lacks: whereStoreIsApart,
    async begin({ world }) {
      const influxd = world.influxd as Influxd
      await influxd.pause()
      return { heal: influxd.resume }
    },
  },
  {
    name: 'store slow',
    strikes: 'store',
    holdS: [2, 10],
    lacks: whereStoreIsApart,
    async begin({ world, random }) {
      const link = world.storeLink as LinkProxy
      link.slow(random.between(100, 2_000))
      return link
    },
  },
  {
    name: 'link cut',
    strikes: 'link',
    holdS: [1, 8],
    lacks: always,
    async begin({ world: { link } }) {
      link.cut()
      return link
    },
  },
  {
    name: 'link half-open',
    strikes: 'link',
    holdS: [1, 8],
    lacks: always,
    async begin({ world: { link } }) {
      link.freeze()
      return link
    },
  },
]
