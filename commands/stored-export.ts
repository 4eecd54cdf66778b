/**
 * What a running Dewpoint holds, as the oracle asks for it: one whole export, laid into a temporary file by series. Memory holds where each
 * series lies; so a year of a fleet fits, and a fleet of many devices needs no question for each.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stored, StoredRow } from '../devices-sim/oracle/stored.ts'
import { type DeviceName, deviceKey } from '../telemetry/device.ts'
import type { Value } from '../telemetry/reading.ts'
import { channelOf, isChannel } from '../telemetry/schema.ts'
import { CommandError, reasonOf } from './ask-server.ts'

export type StoredExport = Stored & { rowCount: number; close(): Promise<void> }

type Extent = { offset: number; bytes: number }
type Names = DeviceName & { measurement: string; field: string }

/** Written, and read again, at a time. */
const pieceBytes = 1024 * 1024
/** `{"time":"2026-01-01T00:00:00.000000000Z",` */
const timeChars = 41

/** @throws CommandError when the server does not answer, or stops in the middle. */
export async function fetchExport(server: string): Promise<StoredExport> {
  const folder = await mkdtemp(join(tmpdir(), 'dewpoint-verify-'))
  try {
    const response = await fetch(`${server}/api/export?format=ndjson`)
    if (!response.ok || response.body === null)
      throw new CommandError(`${server} answered ${response.status} to the question for an export`)
    const spooled = await spool(response.body, join(folder, 'rows'))
    return {
      ...spooled,
      async close() {
        await spooled.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (error instanceof CommandError) throw error
    const { cause, message } = error as Error
    throw new CommandError(`${server}: export: ${reasonOf(cause) || message}`)
  }
}

/** Takes the lines of an export (telemetry/export/text.ts) apart. @throws Error when one is none. */
export async function spool(body: AsyncIterable<Uint8Array>, path: string): Promise<StoredExport> {
  const file = await open(path, 'w+')
  /** Channels of a device, and where their rows lie. */
  const devices = new Map<string, Map<string, Extent[]>>()
  /** Null: it measures nothing. */
  const bySeries = new Map<string, Extent[] | null>()
  let rowCount = 0
  let end = 0
  let pieces: Buffer[] = []
  let pieceSum = 0
  let current = { key: '', extents: null as Extent[] | null, text: '' }
  const toMs = createTimeReader()

  function extentsOf({ site, device, measurement, field }: Names): Extent[] | null {
    if (!isChannel(measurement, field)) return null
    const key = deviceKey({ site, device })
    const channels = devices.get(key) ?? new Map<string, Extent[]>()
    devices.set(key, channels)
    const channel = channelOf(measurement, field)
    const extents = channels.get(channel) ?? []
    channels.set(channel, extents)
    return extents
  }

  function finishExtent(): void {
    if (current.text === '' || current.extents === null) return
    const bytes = Buffer.from(current.text)
    current.text = ''
    current.extents.push({ offset: end, bytes: bytes.length })
    end += bytes.length
    pieces.push(bytes)
    pieceSum += bytes.length
  }

  async function flush(): Promise<void> {
    if (pieces.length > 0) await file.appendFile(Buffer.concat(pieces))
    pieces = []
    pieceSum = 0
  }

  function take(line: string): void {
    const value = line.indexOf(',"value":', timeChars)
    // Within strings quotes are escaped, so these stand between the members.
    const after = line.indexOf(',"site":', value)
    if (value === -1 || after === -1) throw new Error(`${line.slice(0, 120)} given, a line of an export wanted`)
    const key = line.slice(timeChars, value) + line.slice(after)
    if (key !== current.key) {
      finishExtent()
      let extents = bySeries.get(key)
      if (extents === undefined) {
        extents = extentsOf(JSON.parse(line) as Names)
        bySeries.set(key, extents)
      }
      current = { key, extents, text: '' }
    }
    if (current.extents === null) return
    rowCount++
    current.text += `${toMs(line.slice(9, 39))},${line.slice(value + 9, after)}\n`
    if (current.text.length >= pieceBytes) finishExtent()
  }

  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() as string
      for (const line of lines) take(line)
      if (pieceSum >= pieceBytes) await flush()
    }
    if (rest !== '') throw new Error('the export ended within a line')
    finishExtent()
    await flush()
  } catch (error) {
    await file.close()
    throw error
  }

  return {
    rowCount,
    channels: async (name) => [...(devices.get(deviceKey(name))?.keys() ?? [])],
    async *rows(name, channel) {
      for (const { offset, bytes } of devices.get(deviceKey(name))?.get(channel) ?? []) {
        const buffer = Buffer.alloc(bytes)
        await file.read(buffer, 0, bytes, offset)
        yield buffer.toString().trimEnd().split('\n').map(toRow)
      }
    },
    close: () => file.close(),
  }
}

function toRow(line: string): StoredRow {
  const comma = line.indexOf(',')
  return { timeMs: Number(line.slice(0, comma)), value: JSON.parse(line.slice(comma + 1)) as Value }
}

/** ISO 8601 with nine digits to milliseconds with a fraction. Neighbours mostly share their second. */
function createTimeReader(): (text: string) => number {
  let [second, secondMs] = ['', 0]
  return (text) => {
    const its = text.slice(0, 19)
    if (its !== second) {
      second = its
      secondMs = Date.parse(`${its}Z`)
    }
    return secondMs + Number(text.slice(20, 29)) / 1e6
  }
}
