import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codecNames } from '../../telemetry/route.ts'
import { isWanted, parseGolden } from './golden.ts'
import { runGolden } from './run.ts'

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'))
const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')

test.each(files)('golden case %s comes out as written', async (name) => {
  const { routes, steps } = parseGolden(read(name))
  const { lines, quarantined } = await runGolden(
    routes,
    steps.map((step) => step.message),
  )
  const given = steps.map(({ line, lines: wanted }, i) => ({
    line,
    // A point that is the wanted one is shown as the case writes it, so that a difference shows what differs.
    lines: lines
      .filter(({ message }) => message === i)
      .map((it, nth) => (isWanted(it.line, wanted[nth] ?? '') ? wanted[nth] : it.line)),
    code: quarantined.find(({ message }) => message === i)?.code ?? null,
  }))
  expect(given).toEqual(steps.map(({ line, lines: wanted, code }) => ({ line, lines: wanted, code })))
})

test.each(codecNames)('there is a golden case for the codec %s', (codec) => {
  expect(files).toContain(`codec-${codec}.txt`)
})

test.each([
  ['', 'no message given'],
  ['> a\ntext 1', 'no end'],
  ['> a\ntext 1\n> b\n-', 'line 3: "> b" given, the end of the message before wanted'],
  ['> a late\n-', 'line 1: "> a late" given'],
  ['> a\nvalue 1\n-', 'line 2: "value 1" given'],
])('golden parser refuses %j', (file, words) => {
  expect(() => parseGolden(file)).toThrow(words)
})

test('golden parser reads messages with everything that may differ', () => {
  const file =
    'routes: []\n> a/b at=2023-11-14T22:13:20Z client=c2 packet=7 epoch=3 dup retain qos0\ntext a\ntext b\n-\n\n> c\nhex 00 01\nhex ff\n! bad_value'
  const { steps } = parseGolden(file)
  expect(steps.map(({ message }) => message)).toEqual([
    {
      topic: 'a/b',
      client: 'c2',
      packetId: 7,
      epoch: 3,
      qos: 0,
      dup: true,
      retain: true,
      payload: Buffer.from('a\nb'),
      receivedAtUs: 1_700_000_000_000_000,
    },
    expect.objectContaining({ topic: 'c', payload: Buffer.of(0, 1, 255), receivedAtUs: 1_700_000_001_000_000 }),
  ])
  expect(steps.map(({ code }) => code)).toEqual([null, 'bad_value'])
})

test.each([
  ['m v=1 1700000000000000001', 'm v=1 1700000000000000001', true],
  ['m v=1 1700000000000000001', 'm v=1 1700000000000', true],
  ['m v=1 1700000000000000001', 'm v=1', true],
  ['m v=1 1700000000000000001', 'm v=1 1700000000001', false],
  ['m v=1 1700000000000000001', 'm v=2 1700000000000', false],
  ['m v="a 5" 1700000000000000001', 'm v="a 5"', true],
])('golden point %s, wanted %s: %s', (line, wanted, answer) => {
  expect(isWanted(line, wanted)).toBe(answer)
})
