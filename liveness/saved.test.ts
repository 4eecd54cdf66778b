import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lifeCycle, MessageKind, type Record } from '../telemetry/message.ts'
import { createDevices } from './devices.ts'
import { loadSaved, savedLines, writeSaved } from './saved.ts'

let path: string
let warned: string[]
const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(JSON.parse(line).msg) })
beforeEach(async () => {
  warned = []
  path = join(await mkdtemp(join(tmpdir(), 'saved-')), 'liveness.json')
})
afterEach(() => rm(join(path, '..'), { recursive: true }))

const devicesOf = (saved: Awaited<ReturnType<typeof loadSaved>>) =>
  createDevices({ saved, deviceOf: (topic) => ({ site: 's', device: topic }), graceMs: 30_000, onChange: () => {} })

test('file of many devices is that of one position when devices change and come while it is written', async () => {
  const devices = devicesOf(await loadSaved(path, log))
  let position = 0
  const publish = (device: string) => {
    const message = lifeCycle(MessageKind.publish, 'c', 1, device)
    devices.take({ ...message, position: ++position, ordinal: 0, receivedAtUs: position * 1e6 } as Record)
  }
  for (let i = 0; i < 2_000; i++) publish(`d${i}`)
  const lines = savedLines(devices, position)
  const told = [lines.next().value as string]
  for (let i = 0; i < 2_000; i += 2) publish(`d${i}`)
  publish('new')
  for (const line of lines) told.push(line)
  await writeFile(path, told.join(''))
  const saved = await loadSaved(path, log)
  expect(saved.position).toBe(2_000)
  expect(saved.devices).toHaveLength(2_000)
  for (const { device, lastSeenMs } of saved.devices) expect(lastSeenMs).toBe((Number(device.slice(1)) + 1) * 1000)

  await writeSaved(path, savedLines(devices, position))
  expect((await loadSaved(path, log)).devices).toHaveLength(2_001)
  expect(warned).toEqual([])
})

test('file of the version before is read, and its devices get their grace at the start that follows', async () => {
  const name = { site: 's', device: 'd', why: 'connected', sinceMs: 5, lastSeenMs: 6, dueMs: null, isAlerting: false }
  const before = {
    position: 7,
    devices: [
      { ...name, state: 'online', epoch: 3, awaitedUntilMs: null },
      { ...name, device: 'e', state: 'online', epoch: 0, awaitedUntilMs: 99 },
    ],
    connections: [['c', 3]],
  }
  await writeFile(path, JSON.stringify(before))
  const saved = await loadSaved(path, log)
  expect(saved).toMatchObject({ position: 7, connections: [['c', 3, '']] })
  const devices = devicesOf(saved)
  const at = (kind: MessageKind, ms: number) =>
    devices.take({ ...lifeCycle(kind, '', 0, ''), position: 8, ordinal: 0, receivedAtUs: ms * 1000 } as Record)
  at(MessageKind.start, 100_000)
  for (let ms = 110_000; ms <= 130_000; ms += 10_000) at(MessageKind.tick, ms)
  expect(
    [...devices.all()].map(({ device, state, isAlerting, sinceMs }) => [device, state, isAlerting, sinceMs]),
  ).toEqual([
    ['d', 'offline', true, 130_000],
    ['e', 'offline', true, 130_000],
  ])
})

test.each([
  '',
  '{"version":3,"position":9}',
  'nonsense',
  '{"version":2,"position":9,"time":{"lastMs":1,"skippedMs":0}}\n{"devices":[[',
])('states are learned anew, with a word about it, when the file holds %j', async (text) => {
  await writeFile(path, text)
  expect(await loadSaved(path, log)).toMatchObject({ position: 0, devices: [], connections: [] })
  expect(warned).toEqual(['device states are unreadable: they are learned anew'])
})

test('file that stood before is whole when writing fails half way', async () => {
  const devices = devicesOf(await loadSaved(path, log))
  await writeSaved(path, savedLines(devices, 1))
  const before = await readFile(path, 'utf8')
  await rm(join(path, '..', 'liveness.json.new'), { force: true })
  const lines = savedLines(devices, 2)
  lines.next()
  await expect(writeSaved(join(path, 'no-folder'), lines)).rejects.toThrow()
  expect(await readFile(path, 'utf8')).toBe(before)
})
