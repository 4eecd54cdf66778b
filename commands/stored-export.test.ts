import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredRow } from '../devices-sim/oracle/stored.ts'
import { exportText } from '../telemetry/export/text.ts'
import { createSeries } from '../telemetry/point.ts'
import type { StoredPoint } from '../telemetry/query.ts'
import { type StoredExport, spool } from './stored-export.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const startNs = 1_767_225_600_000_000_000n
const tags = (device: string) =>
  [
    ['site', 'home'],
    ['device', device],
  ] as const

/** What the server sends, cut anywhere. */
async function* sent(points: StoredPoint[], cut: number): AsyncGenerator<Uint8Array> {
  let text = ''
  async function* source() {
    yield points
  }
  for await (const piece of exportText(source(), 'ndjson')) text += piece
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += cut) yield bytes.subarray(i, i + cut)
}

async function rowsOf(stored: StoredExport, device: string, channel: string): Promise<StoredRow[]> {
  const rows: StoredRow[] = []
  for await (const some of stored.rows({ site: 'home', device }, channel)) rows.push(...some)
  return rows
}

test('an export is split into channels of devices when it comes in pieces that end anywhere', async () => {
  const rain = createSeries('rainfall', tags('a'), 'value')
  const text = createSeries('note', tags('b'), 'said', 'string')
  const odd = 'ä","value":1,"site":"x"\n'
  const points: StoredPoint[] = [
    { series: rain, timeNs: startNs + 1n, value: 0.2 },
    { series: rain, timeNs: startNs + 1_500_000n, value: 1e-7 },
    { series: text, timeNs: startNs, value: odd },
    { series: createSeries('ok', tags('a'), 'value', 'boolean'), timeNs: startNs, value: true },
    // Goes on after another series, as pieces of a store may.
    { series: rain, timeNs: startNs + 2_000_000_000n, value: -3 },
    { series: createSeries('device_state', tags('a'), 'online'), timeNs: startNs, value: 1 },
    { series: createSeries('rainfall', tags('a'), 'time_quality', 'string'), timeNs: startNs, value: 'uptime' },
  ]
  for (const cut of [1, 7, 1000]) {
    const stored = await spool(sent(points, cut), join(folder, `rows-${cut}`))
    expect(stored.rowCount).toBe(5)
    expect(await stored.channels({ site: 'home', device: 'a' })).toEqual(['rainfall', 'ok'])
    expect(await stored.channels({ site: 'other', device: 'a' })).toEqual([])
    const startMs = Number(startNs / 1_000_000n)
    expect(await rowsOf(stored, 'a', 'rainfall')).toEqual([
      { timeMs: startMs + 1e-6, value: 0.2 },
      { timeMs: startMs + 1.5, value: 1e-7 },
      { timeMs: startMs + 2000, value: -3 },
    ])
    expect(await rowsOf(stored, 'a', 'ok')).toEqual([{ timeMs: startMs, value: true }])
    expect(await rowsOf(stored, 'b', 'note.said')).toEqual([{ timeMs: startMs, value: odd }])
    await stored.close()
  }
})

test('an export is refused when it ends within a line, or is something else', async () => {
  const one: StoredPoint[] = [{ series: createSeries('rainfall', tags('a'), 'value'), timeNs: startNs, value: 1 }]
  const cut = async function* () {
    for await (const piece of sent(one, 1000)) yield piece.subarray(0, -3)
  }
  await expect(spool(cut(), join(folder, 'cut'))).rejects.toThrow(/within a line/)
  const page = async function* () {
    yield Buffer.from('<html>\n')
  }
  await expect(spool(page(), join(folder, 'page'))).rejects.toThrow(/<html> given/)
})
