import { expect, test } from 'vitest'
import type { Run } from './run.ts'
import { faultTable } from './table.ts'

const run = (more: Partial<Run>): Run => ({
  store: 'duckdb',
  fleet: 'storm',
  seed: 1,
  happened: [],
  lacking: [],
  failure: null,
  findings: [],
  told: '',
  ...more,
})

const rowOf = (lines: string[], name: string) => lines.find((line) => line.startsWith(`| ${name} |`))

test('table tells of each fault how often it came, the longest recovery, and its losses when it began last before the PUBACK', () => {
  const happened = [
    { name: 'link cut', atMs: 100, recoveryMs: 1_000 },
    { name: 'power cut', atMs: 200, recoveryMs: 2_500 },
    { name: 'link cut', atMs: 300, recoveryMs: 3_000 },
  ]
  const findings = [150, 250, 350, null].map((atMs) => ({ kind: 'lost' as const, text: '', atMs }))
  const lines = faultTable([
    run({ happened, findings }),
    run({ store: 'influxdb', lacking: [{ name: 'power cut', why: 'no disk' }] }),
  ])
  expect(rowOf(lines, 'link cut')).toBe('| link cut | 2 | 3.0 | 2 | 0 |  |  |')
  expect(rowOf(lines, 'power cut')).toBe('| power cut | 1 | 2.5 | 1 | no disk |  |  |')
  expect(rowOf(lines, 'of no fault')).toBe('| of no fault |  |  | 1 |  |  | 0 |')
})

test('table says so when a fault was not recovered from', () => {
  const happened = [
    { name: 'disk full', atMs: 1, recoveryMs: 500 },
    { name: 'disk full', atMs: 2, recoveryMs: null },
  ]
  expect(rowOf(faultTable([run({ happened })]), 'disk full')).toBe('| disk full | 2 | not recovered | 0 |')
})
