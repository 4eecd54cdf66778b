/** The same suite against the embedded store, and against a real InfluxDB where there is one. */
import { afterAll, beforeAll, describe } from 'vitest'
import { type Influxd, startInfluxd } from '../servers/influxd.ts'
import { needs } from '../servers/tools.ts'

/** `more`: what only InfluxDB is asked. */
export function inBothStores(
  suite: (name: string, influxd: () => Influxd | undefined) => void,
  more: (influxd: () => Influxd) => void = () => {},
): void {
  describe('embedded store', () => {
    suite('DuckDB', () => undefined)
  })

  describe.skipIf(needs({ influxd: true }) !== null)('InfluxDB', () => {
    let influxd: Influxd
    beforeAll(async () => {
      influxd = await startInfluxd()
    })
    afterAll(() => influxd.close())

    suite('InfluxDB', () => influxd)
    more(() => influxd)
  })
}
