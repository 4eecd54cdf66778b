import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { head, quantities, startMs, tellStory, writeStory } from '../oracle/story.fake.ts'
import { createRandom } from '../random.ts'
import type { Quantity } from '../sensor.ts'
import { readTruth, readTruthHead, surveyTruth, type TruthProblem } from './reader.ts'
import type { TruthEvent, TruthSample } from './truth.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'truth-'))
  path = join(folder, 'truth.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

async function readAll(problems: TruthProblem[] = []): Promise<TruthEvent[]> {
  const events: TruthEvent[] = []
  for await (const event of readTruth(path, { onProblem: (problem) => problems.push(problem) })) events.push(event)
  return events
}

const about = (...measured: Quantity[]) => ({
  site: 'a',
  device: 'b',
  clientId: 'b',
  profile: 'p',
  gateway: null,
  quantities: measured,
})
const report = (samples: TruthSample[]): TruthEvent => ({
  type: 'report',
  boot: 7,
  device: 0,
  nth: 0,
  atMs: startMs,
  time: { how: 'exact', resolutionMs: 1 },
  samples,
  expect: 'stored',
})

test('truth comes back as it was written, bit for bit, with a random story', async () => {
  const seed = Math.floor(Math.random() * 1e6)
  const { events } = tellStory(createRandom(seed), 12, 30)
  const others: TruthEvent[] = [
    { type: 'state', device: 1, atMs: startMs + 5, state: 'asleep', untilMs: startMs + 9e9 },
    { type: 'state', device: 1, atMs: startMs + 6, state: 'dead', untilMs: null },
    { type: 'incident', id: 1, atMs: startMs, phase: 'begin', kind: 'gateway', devices: [1, 2], detail: 'a\nb "c"' },
    { type: 'alert', atMs: startMs + 400_000, topic: 'alerts/a/b', payload: '{"state":"offline"}' },
  ]
  const all = [...events.slice(0, -1), ...others, ...events.slice(-1)]
  await writeStory(path, all)
  expect(await readTruthHead(path)).toEqual(head)
  expect(await readAll(), `seed ${seed}`).toEqual(all)
})

test('truth keeps values and times when they are odd', async () => {
  const measured = [quantities.volts, quantities.words, { ...quantities.volts, channel: 'x' }] as Quantity[]
  const samples: TruthSample[] = [
    { takenAtMs: startMs - 7, values: [1 / 3, null, -0.001] },
    { takenAtMs: startMs - 5, values: [1e300, 'ä"\n', 12.345] },
    { takenAtMs: startMs - 5, values: [-0.5, true, 12.346] },
    { takenAtMs: startMs + 9, values: [0.3, '', 12.3] },
  ]
  const events: TruthEvent[] = [
    { type: 'device', device: 0, about: about(...measured) },
    report(samples),
    report([{ takenAtMs: startMs, values: [1, 'x', null] }]),
    report([]),
  ]
  await writeStory(path, events)
  expect(await readAll()).toEqual(events)
})

test('truth takes less than 4 bytes a value when a device sends an hour at a time', async () => {
  const random = createRandom(5)
  let volts = 3600
  const events: TruthEvent[] = [
    { type: 'device', device: 0, about: about(quantities.rain as Quantity, quantities.volts as Quantity) },
  ]
  for (let nth = 0; nth < 100; nth++) {
    const atMs = startMs + (nth + 1) * 3_600_000
    const samples = Array.from({ length: 60 }, (_, i): TruthSample => {
      volts += random.below(5) - 2
      return { takenAtMs: atMs - (59 - i) * 60_000, values: [random.fraction() < 0.9 ? 0 : 0.2, volts / 1000] }
    })
    const place = { device: 0, nth, atMs }
    events.push({ ...(report(samples) as Extract<TruthEvent, { type: 'report' }>), ...place })
    events.push({ type: 'sent', ...place }, { type: 'acknowledged', ...place })
  }
  await writeStory(path, events)
  expect(readFileSync(path).length / (100 * 60 * 2)).toBeLessThan(4)
  expect(await readAll()).toEqual(events)
})

test('truth tells a torn last line and keeps all others when the run was killed', async () => {
  const { events } = tellStory(createRandom(3), 3, 5)
  await writeStory(path, events)
  truncateSync(path, readFileSync(path).length - 4)
  const problems: TruthProblem[] = []
  expect(await readAll(problems)).toEqual(events.slice(0, -1))
  const [problem] = problems
  expect(problems).toHaveLength(1)
  expect(problem?.isTorn).toBe(true)
  expect(problem?.line).toBe(readFileSync(path, 'utf8').split('\n').length)
})

test.each([
  ['{"a":1}', /a JSON array wanted/],
  ['["q",1]', /"q" given, one of t d r s a x w i l e wanted/],
  ['["s",77,0,1]', /77 given, a device that was told before wanted/],
  ['["s",0,-1,1]', /given, device, report and time wanted/],
  ['["x",0,0,1,"hunger"]', /"hunger" given, flash_full/],
  ['["r",0,0,1,2000000000,"e",1,1,null,[0,1],0]', /2000000000 given, 0 to 100000 samples wanted/],
  ['["r",0,0,1,3,"e",1,1,null,[0,1,2,3],0]', /times of 3 samples wanted/],
  ['["r",0,0,1,3,"e",1,1,null,[0,1],[1,2]]', /\[1,2\] given, 3 values of voltage wanted/],
  ['["r",0,0,1,3,"e",1,1,null,[0,1],[["a",2,3]]]', /3 values of voltage wanted/],
  ['["r",0,0,1,1,"z",1,1,[0],1]', /"z" given, e, g, r, a wanted/],
  ['["w",0,1,"tired",null]', /awake, asleep, dead wanted/],
  ['["d",1,"a","b","c","p",null,[{"channel":1}]]', /quantities wanted/],
  ['\u0000\uffff[[[[', /a JSON array wanted/],
])('reader tells line, what was given and what was wanted when a line is %s', async (line, wanted) => {
  const device: TruthEvent = { type: 'device', device: 0, about: about(quantities.volts as Quantity) }
  await writeStory(path, [device, { type: 'sent', device: 0, nth: 0, atMs: startMs }])
  appendFileSync(path, `${line}\n["e",7]\n`)
  const problems: TruthProblem[] = []
  const events = await readAll(problems)
  expect(events.at(-1)).toEqual({ type: 'end', atMs: startMs + 7 })
  expect(problems).toEqual([{ line: 5, problem: expect.stringMatching(wanted), isTorn: false }])
})

test('reader says that it is no truth when the first line is none', async () => {
  writeFileSync(path, 'time,value\n')
  expect(await readTruthHead(path)).toEqual({ problem: expect.stringMatching(/head of a truth file/) })
  writeFileSync(path, '')
  expect(await readTruthHead(path)).toEqual({ problem: expect.stringMatching(/empty file/) })
})

test('reader answers the wanted devices only, and all that belongs to none', async () => {
  const { events } = tellStory(createRandom(9), 12, 5)
  await writeStory(path, events)
  const read: TruthEvent[] = []
  for await (const event of readTruth(path, { wants: (device) => device === 11 })) read.push(event)
  expect(read).toEqual(events.filter((it) => !('device' in it) || it.type === 'device' || it.device === 11))
})

test('survey answers the reports of all devices with their number of samples', async () => {
  const { events } = tellStory(createRandom(9), 3, 5)
  await writeStory(path, events)
  const read: unknown[] = []
  for await (const event of surveyTruth(path)) read.push(event)
  expect(read).toEqual(
    events.map((event) => {
      if (event.type !== 'report') return event
      const { device, nth, atMs, samples } = event
      return { type: 'brief', device, nth, atMs, samples: samples.length }
    }),
  )
})
