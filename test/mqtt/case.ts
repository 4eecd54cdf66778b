/** One case of conformance, and how it is run against each target. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { needs } from '../servers/tools.ts'
import { startJudge, startOwn, startRelayed, startStock, type Target } from './targets.ts'

export type Case = {
  name: string
  /** Statements of MQTT 3.1.1 that it shows, as 1.5.3-1. */
  shows: string[]
  /** Stock aedes does not pass. */
  mended?: true
  /** Why mosquitto 2.0 is not asked. */
  notMosquitto?: string
  run(target: Target): Promise<void>
}

export const title = ({ name, shows }: Case): string => [name, ...shows.map((it) => `[MQTT-${it}]`)].join(' ')

export function runCases(cases: Case[]): void {
  describe.each([
    ['dewpoint', startOwn, null, cases],
    ['dewpoint with workers', startRelayed, null, cases],
    [
      'mosquitto',
      startJudge,
      needs({ mosquitto: true }),
      cases.filter(({ notMosquitto }) => notMosquitto === undefined),
    ],
  ] as const)('%s', (_name, start, skipped, chosen) => {
    describe.skipIf(skipped !== null)('conforms', () => {
      let target: Target
      beforeAll(async () => {
        target = await start()
      })
      afterAll(() => target.close())
      for (const it of chosen) test(title(it), () => it.run(target))
    })
  })
  describe('stock aedes', () => {
    for (const it of cases.filter(({ mended }) => mended)) {
      test(`does not pass: ${it.name}`, async () => {
        const stock = await startStock()
        try {
          await expect(it.run(stock)).rejects.toThrow()
        } finally {
          await stock.close()
        }
      })
    }
  })
}
