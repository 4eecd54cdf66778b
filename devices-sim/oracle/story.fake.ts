/** A run that went right, made up: its truth, and the rows that a store holds after it. For tests that then break it. */
import type { DeviceName } from '../../telemetry/device.ts'
import type { Value } from '../../telemetry/reading.ts'
import type { Random } from '../random.ts'
import type { Quantity } from '../sensor.ts'
import type { TimeKnowledge, TruthEvent, TruthHead, TruthSample } from '../truth/truth.ts'
import { openTruth } from '../truth/writer.ts'
import type { Stored, StoredRow } from './stored.ts'

export const startMs = Date.UTC(2026, 0, 1)
export const head: TruthHead = {
  format: 'dewpoint-truth/1',
  seed: 1,
  scenario: 'story',
  clock: 'virtual',
  startedAtMs: startMs,
}

export const quantities: { [name: string]: Quantity } = {
  rain: { channel: 'rainfall', unit: 'mm', resolution: 0.2, kind: 'increment' },
  volts: { channel: 'voltage', unit: 'V', resolution: 0.001, kind: 'gauge' },
  words: { channel: 'caption', unit: '', resolution: null, kind: 'text' },
  tips: { channel: 'tips', unit: 'mm', resolution: 0.2, kind: 'counter', counterBits: 16 },
}

export type StoryRow = DeviceName & StoredRow & { channel: string }
export type Story = { events: TruthEvent[]; rows: StoryRow[]; quarantined: Map<string, number>; endMs: number }

/** What these sent and nobody acknowledged may be in the store or not, so not every change of it can be seen. */
export const losesAcknowledgements = (device: number): boolean => device % 3 === 0

/** Devices of all kinds of time, batches, losses of PUBACKs, drops, quarantine; rows late and at random within what is right. */
export function tellStory(random: Random, deviceCount: number, reportsEach: number): Story {
  const events: TruthEvent[] = []
  const rows: StoryRow[] = []
  const quarantined = new Map<string, number>()
  const hows = ['exact', 'age', 'reckoned', 'arrival'] as const
  let endMs = startMs
  for (let device = 0; device < deviceCount; device++) {
    const name = { site: `site-${device % 2}`, device: `d-${device}` }
    const how = hows[device % hows.length] as TimeKnowledge['how']
    const time = { how, resolutionMs: how === 'exact' ? 1 : 0 }
    const measured = (['rain', 'volts', 'words', 'tips'] as const)
      .filter(() => random.fraction() < 0.7)
      .map((it) => quantities[it] as Quantity)
    const about = { ...name, clientId: name.device, profile: `profile-${how}`, gateway: null, quantities: measured }
    events.push({ type: 'device', device, about })
    let nowMs = startMs + random.below(60_000)
    let [volts, count, lastCount] = [3600, 65_530, -1]
    for (let nth = 0; nth < reportsEach; nth++) {
      const samples: TruthSample[] = []
      for (let i = 1 + random.below(4); i > 0; i--) {
        nowMs += 1000 + random.below(60_000)
        volts += random.below(5) - 2
        // It wraps soon, and counts each time, so that no row may go unnoticed.
        count = (count + 1 + random.below(3)) % 2 ** 16
        const rain = random.fraction() < 0.7 ? 0 : random.below(5) / 5
        const own: { [channel: string]: Value | null } = {
          rainfall: rain,
          voltage: volts / 1000,
          caption: random.fraction() < 0.3 ? null : `word ${random.below(4)}`,
          tips: count,
        }
        samples.push({ takenAtMs: nowMs, values: measured.map((it) => own[it.channel] ?? null) })
      }
      const expect = random.fraction() < 0.05 ? 'quarantined' : 'stored'
      const atMs = nowMs
      events.push({ type: 'report', device, nth, atMs, boot: null, time, samples, expect })
      if (random.fraction() < 0.03) {
        events.push({ type: 'dropped', device, nth, atMs, why: 'flash_full' })
        continue
      }
      const sentMs = nowMs + random.below(2000)
      const ackedMs = sentMs + 20 + random.below(3000)
      const receivedMs = sentMs + random.between(0, ackedMs - sentMs)
      events.push({ type: 'sent', device, nth, atMs: sentMs })
      const isAcked = !losesAcknowledgements(device) || random.fraction() < 0.9
      if (isAcked) events.push({ type: 'acknowledged', device, nth, atMs: ackedMs })
      nowMs = Math.max(nowMs, ackedMs)
      endMs = Math.max(endMs, nowMs)
      if (expect === 'quarantined') {
        quarantined.set(name.device, (quarantined.get(name.device) ?? 0) + 1)
        continue
      }
      if (!isAcked && random.fraction() < 0.5) continue
      for (const { takenAtMs, values } of samples) {
        const timeMs =
          how === 'exact' ? takenAtMs + 0.25 : how === 'arrival' ? receivedMs : takenAtMs + receivedMs - sentMs
        for (const [i, { channel, kind, resolution }] of measured.entries()) {
          const value = values[i] ?? null
          if (value === null) continue
          if (kind !== 'counter') rows.push({ ...name, channel, timeMs, value })
          else {
            const added = ((value as number) + 2 ** 16 - lastCount) % 2 ** 16
            if (lastCount !== -1) rows.push({ ...name, channel, timeMs, value: added * (resolution as number) })
            lastCount = value as number
          }
        }
      }
    }
  }
  const inTime = (event: TruthEvent) => ('atMs' in event ? event.atMs : startMs)
  events.sort((a, b) => inTime(a) - inTime(b))
  return { events: [...events, { type: 'end', atMs: endMs }], rows, quarantined, endMs }
}

export async function writeStory(path: string, events: TruthEvent[]): Promise<void> {
  const truth = openTruth(path, head)
  for (const event of events) truth.write(event)
  await truth.close()
}

export const storedOf = (rows: StoryRow[], quarantined?: Map<string, number>): Stored => {
  const of = ({ site, device }: DeviceName) => rows.filter((row) => row.site === site && row.device === device)
  return {
    channels: async (name) => [...new Set(of(name).map((row) => row.channel))],
    async *rows(name, channel) {
      yield of(name).filter((row) => row.channel === channel)
    },
    ...(quarantined && { quarantined: async ({ device }: DeviceName) => quarantined.get(device) ?? 0 }),
  }
}
