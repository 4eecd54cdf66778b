/**
 * Breaks one promise on purpose, behind the platform's back, in the store itself: what must be found. lose: a reading is gone;
 * double: it is there twice; alter: it has another value; late: it stands at another time.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { valueField } from '../../telemetry/schema.ts'
import { type StoredPoint, storedPoints } from '../../test/faults/stored-points.ts'
import type { Influxd } from '../../test/servers/influxd.ts'
import type { Finding } from './fleet.ts'
import type { World } from './world.ts'

export const breaks = ['lose', 'double', 'alter', 'late'] as const
export type Break = (typeof breaks)[number]

/** What the verification must find, sorted. */
export const foundBy: { [breaking in Break]: Array<Finding['kind']> } = {
  lose: ['lost'],
  double: ['double'],
  alter: ['invented', 'lost'],
  late: ['time'],
}

/** Between the readings of a device, whose clock goes on by a minute or more from one to the next. */
const shiftMs = 1_000
/** No device comes so far. */
const neverMeasured = 123_456_789

type Hand = {
  remove(point: StoredPoint): Promise<void>
  add(point: StoredPoint): Promise<void>
}

/** @param nth which of the readings, so that several breaks in one store do not meet */
export async function sabotage(world: World, breaking: Break, measurement: string, nth: number): Promise<void> {
  const points = await storedPoints(world.server)
  const own = points.filter((it) => it.measurement === measurement && it.field === valueField)
  const victim = own[nth]
  if (victim === undefined) throw new Error(`there is no reading ${nth} of ${measurement}: ${own.length} are stored`)
  await withHand(world, async ({ remove, add }) => {
    if (breaking !== 'double') await remove(victim)
    if (breaking === 'double' || breaking === 'late') await add({ ...victim, timeMs: victim.timeMs + shiftMs })
    if (breaking === 'alter') await add({ ...victim, value: neverMeasured + nth })
  })
}

async function withHand({ server, influxd }: World, use: (hand: Hand) => Promise<void>): Promise<void> {
  if (influxd !== null) return use(influxHand(influxd))
  // The file belongs to one process at a time.
  await server.stop('SIGTERM')
  const file = readdirSync(server.data).find((name) => name.endsWith('.duckdb'))
  if (file === undefined) throw new Error(`${server.data} holds no file of DuckDB`)
  const instance = await DuckDBInstance.create(join(server.data, file))
  const connection = await instance.connect()
  const isSeries = 'measurement = $1 AND field = $2 AND tags LIKE $3'
  const seriesOf = ({ measurement, field, device }: StoredPoint) => [measurement, field, `%"${device}"%`]
  const ns = (timeMs: number) => BigInt(timeMs) * 1_000_000n
  try {
    await use({
      async remove(point) {
        await connection.run(
          `DELETE FROM points WHERE series IN (SELECT id FROM series WHERE ${isSeries}) AND time >= $4 AND time < $5`,
          [...seriesOf(point), ns(point.timeMs), ns(point.timeMs + 1)],
        )
      },
      async add(point) {
        await connection.run(`INSERT INTO points SELECT id, $4, $5 FROM series WHERE ${isSeries}`, [
          ...seriesOf(point),
          ns(point.timeMs),
          point.value as number,
        ])
      },
    })
  } finally {
    connection.closeSync()
    instance.closeSync()
    await server.restart()
  }
}

function influxHand({ url, org, bucket, token, write }: Influxd): Hand {
  return {
    async remove({ measurement, device, timeMs }) {
      const response = await fetch(`${url}/api/v2/delete?org=${org}&bucket=${bucket}`, {
        method: 'POST',
        headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          start: new Date(timeMs).toISOString(),
          stop: `${new Date(timeMs).toISOString().slice(0, -1)}999999Z`,
          predicate: `_measurement="${measurement}" AND device="${device}"`,
        }),
      })
      if (!response.ok) throw new Error(`influxd deletes nothing: ${response.status} ${await response.text()}`)
    },
    add: ({ measurement, field, site, device, value, timeMs }) =>
      write(`${measurement},device=${device},site=${site} ${field}=${value} ${timeMs}000000`),
  }
}
