/**
 * Real readings of others, through the replay command and both stores and back: nothing lost, nothing twice, nothing
 * changed. What must come back is worked out here from the file, without the code that the replay uses.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'
import { needsSharedData, patient, readings, repository, run, type StoredReading } from './helpers.ts'

const { folder, reason } = needsSharedData()
const startMs = Date.UTC(2016, 0, 1)

type Real = { file: string; channel: string; options: string[]; count: number; parse(lines: string[]): StoredReading[] }
const real: Real[] = [
  {
    file: 'rain-gauge-tips.csv',
    channel: 'rainfall',
    options: [],
    count: 2_632,
    // 28.07.2018 13:09;0.2
    parse: (lines) =>
      lines.slice(1).map((line) => {
        const [, day, month, year, time, value] = /^(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d);(.+)$/.exec(line) ?? []
        return { time: `${year}-${month}-${day}T${time}:00.000Z`, value: Number(value) }
      }),
  },
  {
    file: 'node-voltage-hours.csv',
    channel: 'voltage',
    options: ['--value', 'battery_v'],
    count: 12_710,
    // 2019-04-06 15:00:00,6,2.99,25.20,1012.16,-85
    parse: (lines) =>
      lines.slice(1).map((line) => {
        const [time = '', , volt] = line.split(',')
        return { time: `${time.replace(' ', 'T')}.000Z`, value: Number(volt) }
      }),
  },
  {
    file: 'rr-intervals.txt',
    channel: 'pulse',
    options: ['--intervals', 'ms', '--start', new Date(startMs).toISOString()],
    count: 910,
    // 1114
    parse: (lines) => {
      let timeMs = startMs
      return lines.map((line) => {
        timeMs += Number(line)
        return { time: new Date(timeMs).toISOString(), value: Number(line) }
      })
    },
  },
]

/** Binary fractions add up to a little beside the decimal sum; the files have no digit beyond the hundredth. */
const picture = (found: StoredReading[]) => ({
  count: found.length,
  first: found[0],
  last: found.at(-1),
  sum: Math.round(found.reduce((sum, it) => sum + it.value, 0) * 100) / 100,
})

const fromFile = ({ file, parse }: Real): StoredReading[] => {
  const lines = readFileSync(join(folder, file), 'utf8').split(/\r?\n/)
  const rows = parse(lines.filter((line) => line !== ''))
  // The API answers in the order of time, and rows of one time in the order of the file.
  return rows.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

describe.skipIf(reason !== null)('replay', () => {
  const stores = [{ store: 'duckdb' }, { store: 'influxdb', needed: { influxd: true } as const }]
  for (const { store, needed } of stores) {
    describe.skipIf(needed !== undefined && needs(needed) !== null)(store, () => replays(store === 'influxdb'))
  }
})

function replays(isInfluxdb: boolean): void {
  let influxd: Influxd | null = null
  let server: DewpointServer
  beforeAll(async () => {
    if (isInfluxdb) influxd = await startInfluxd()
    server = await startDewpoint(influxd === null ? {} : { influxd })
  })
  afterAll(async () => {
    await server.close()
    await influxd?.close()
  })

  async function replay({ file, channel, options }: Real, device: string) {
    const where = ['--device', device, '--channel', channel, '--url', server.mqttUrl]
    const args = [join(repository, 'dist', 'cli.js'), 'replay', join(folder, file), ...where, ...options]
    const { status, stdout, stderr } = await run(process.execPath, [...args, '--json'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return JSON.parse(stdout) as { sent: number; acknowledged: number }
  }

  const byFile = real.map((it) => [it.file, it] as const)
  test.each(byFile)(
    '%s comes back unchanged when it is replayed once, and when it is replayed twice',
    async (_, it) => {
      const wanted = fromFile(it)
      expect(wanted).toHaveLength(it.count)
      const before = await server.drained()
      for (const round of [1, 2]) {
        expect(await replay(it, 'real')).toMatchObject({ sent: it.count, acknowledged: it.count })
        const after = await server.drained()
        const found = await readings(server, 'real', it.channel)
        expect(picture(found)).toEqual(picture(wanted))
        expect(found).toEqual(wanted)
        expect({
          accepted: after.accepted - before.accepted,
          stored: after.stored - before.stored,
          duplicate: after.duplicate - before.duplicate,
          quarantined: after.quarantined - before.quarantined,
        }).toEqual({
          accepted: round * it.count,
          stored: it.count,
          duplicate: (round - 1) * it.count,
          quarantined: 0,
        })
      }
    },
  )

  test('node-voltage-hours.csv comes back unchanged when the server is killed in the middle of the replay', async () => {
    const it = real[1] as Real
    const before = await server.drained()
    const replayed = replay(it, 'killed')
    // Three kills, each after another part of the file was taken.
    const takenAtKills: number[] = []
    for (const part of [2_000, 5_000, 8_000]) {
      const taken = async () => (await server.counters()).accepted - before.accepted
      await vi.waitFor(async () => expect(await taken()).toBeGreaterThan(part), { ...patient, interval: 5 })
      takenAtKills.push(await taken())
      await server.stop('SIGKILL')
      await server.restart()
    }
    expect(takenAtKills[0]).toBeLessThan(it.count)
    expect(await replayed).toMatchObject({ sent: it.count, acknowledged: it.count })
    const after = await server.drained()
    expect(await readings(server, 'killed', it.channel)).toEqual(fromFile(it))
    expect(after.accepted).toBe(after.stored + after.quarantined + after.duplicate)
    expect({ damaged: after.damaged, stored: after.stored - before.stored }).toEqual({ damaged: 0, stored: it.count })
    const copies = after.accepted - before.accepted - it.count
    process.stderr.write(`killed at ${takenAtKills.join(', ')} of ${it.count} readings; ${copies} came twice\n`)
    expect(after.duplicate - before.duplicate).toBe(copies)
  })
}
