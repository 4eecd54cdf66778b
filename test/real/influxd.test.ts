import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'

describe.skipIf(needs({ influxd: true }) !== null)('real InfluxDB', () => {
  let influxd: Influxd
  beforeAll(async () => {
    influxd = await startInfluxd()
  })
  afterAll(() => influxd?.close())

  test('keeps a written point when it is killed and started again', async () => {
    await influxd.write('voltage,device=n1,site=north value=3.1 1700000000000000000')
    const pid = influxd.pid
    await influxd.stop('SIGKILL')
    await expect(influxd.query('SELECT "value" FROM "voltage"')).rejects.toThrow()
    await influxd.restart()
    expect(influxd.pid).not.toBe(pid)
    expect(await influxd.query('SELECT "value" FROM "voltage" GROUP BY *')).toEqual([
      { time: 1_700_000_000_000, value: 3.1, device: 'n1', site: 'north' },
    ])
  })

  test('answers nothing while it is paused, and ends when it is stopped then', async () => {
    await influxd.pause()
    const asked = fetch(`${influxd.url}/health`, { signal: AbortSignal.timeout(500) })
    await expect(asked).rejects.toThrow()
    influxd.resume()
    expect((await fetch(`${influxd.url}/health`)).status).toBe(200)
    await influxd.pause()
    await influxd.stop()
    await influxd.restart()
    expect(await influxd.query('SELECT count("value") FROM "voltage"')).toMatchObject([{ count: 1 }])
  })
})
