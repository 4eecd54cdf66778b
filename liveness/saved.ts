/**
 * liveness.json: what is known of devices at a position of the journal. Lines of JSON: a header, connections, devices. It is written in
 * pieces while records are taken; a device that changes meanwhile is written first as it was, so the file is that of one position.
 */
import { open, readFile, rename } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Saved as SavedAlerts } from './alerts/engine.ts'
import type { Devices, SavedDevices } from './devices.ts'
import type { Health } from './health/health.ts'
import type { SavedOutages } from './outages.ts'
import type { SavedConnection } from './states/connections.ts'
import { createKnownDevice, type KnownDevice } from './states/known-device.ts'
import type { SavedTime } from './states/lived-time.ts'
import { fromRow, type Row, toRow } from './states/row.ts'

type SavedHealth = ReturnType<Health['save']>
/** `alerts`: of the engine; null: there is none yet. */
export type SavedBeside = { outages: SavedOutages; alerts: SavedAlerts | null; health: SavedHealth }
export type Saved = SavedDevices & SavedBeside & { position: number }

const version = 2
/** Files of earlier versions have nothing beside. */
type Header = { version: typeof version; position: number; time: SavedTime } & Partial<SavedBeside>
type Line = { connections: SavedConnection[] } | { devices: Row[] }

/** Of version 1, one JSON text. */
type SavedOnce = {
  position: number
  devices: Array<
    Pick<KnownDevice, 'site' | 'device' | 'state' | 'why' | 'sinceMs' | 'lastSeenMs' | 'isAlerting' | 'epoch'>
  >
  connections: Array<[client: string, epoch: number]>
}

const nothingBeside: SavedBeside = { outages: { spans: [], lastMs: 0 }, alerts: null, health: [] }

/** Rows of one piece: a millisecond or two of work. */
const rowsPerLine = 500

/** Tells one save from the next in the devices themselves. */
let saves = 0

/** The lines of a file at `position`, where the devices are now. Take them to the end, or call return(): devices are watched meanwhile. */
export function* savedLines(
  devices: Devices,
  position: number,
  beside: SavedBeside = nothingBeside,
): Generator<string, void> {
  const save = ++saves
  const changed: Row[] = []
  const { time, connections } = devices.save(rowsPerLine)
  devices.watch((device, isNew) => {
    if (device.savedIn !== save && !isNew) changed.push(toRow(device))
    device.savedIn = save
  })
  try {
    yield line({ version, position, time, ...beside } satisfies Header)
    for (const piece of connections) yield line({ connections: piece } satisfies Line)
    let rows: Row[] = []
    for (const device of devices.all()) {
      if (device.savedIn === save) continue
      device.savedIn = save
      rows.push(toRow(device))
      if (rows.length < rowsPerLine) continue
      yield line({ devices: [...rows, ...changed.splice(0)] } satisfies Line)
      rows = []
    }
    yield line({ devices: [...rows, ...changed] } satisfies Line)
  } finally {
    devices.watch(null)
  }
}

const line = (value: object): string => `${JSON.stringify(value)}\n`

/**
 * Segments of the journal are released on the strength of this file: a power cut must not leave it empty.
 * @param before awaited when all of it is written, and before it takes the place of the old file.
 */
export async function writeSaved(
  path: string,
  lines: Generator<string, void>,
  before: () => Promise<void> = async () => {},
): Promise<void> {
  // Devices are as they are at the position only now.
  const header = lines.next().value as string
  try {
    const file = await open(`${path}.new`, 'w')
    try {
      await file.write(header)
      for (const text of lines) await file.write(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await before()
    await rename(`${path}.new`, path)
  } finally {
    lines.return()
  }
}

/** Without a readable file everything is learned again from the journal and from what devices say next. */
export async function loadSaved(path: string, log: Logger): Promise<Saved> {
  try {
    return parseSaved(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, path }, 'device states are unreadable: they are learned anew')
    return { position: 0, devices: [], connections: [], time: { lastMs: null, skippedMs: 0 }, ...nothingBeside }
  }
}

/** @throws Error when it is none, or of a later version */
export function parseSaved(text: string): Saved {
  const [first = '', ...lines] = text.trimEnd().split('\n')
  const header = JSON.parse(first) as SavedOnce | (Omit<Header, 'version'> & { version: number })
  if (!('version' in header)) return fromVersionOne(header)
  if (header.version !== version) throw new Error(`its version is ${header.version}, ${version} was wanted`)
  const { position, time, outages = nothingBeside.outages, alerts = null, health = [] } = header
  const saved: Saved = { position, time, devices: [], connections: [], outages, alerts, health }
  const texts = new Map<string, string>()
  const same = (text: string) => {
    const known = texts.get(text)
    if (known === undefined) texts.set(text, text)
    return known ?? text
  }
  for (const text of lines) {
    const piece = JSON.parse(text) as Line
    if ('connections' in piece) for (const connection of piece.connections) saved.connections.push(connection)
    else for (const row of piece.devices) saved.devices.push(fromRow(row, same))
  }
  return saved
}

function fromVersionOne({ position, devices, connections }: SavedOnce): Saved {
  return {
    position,
    ...nothingBeside,
    time: { lastMs: null, skippedMs: 0 },
    connections: connections.map(([client, epoch]) => [client, epoch, '']),
    devices: devices.map(({ site, device, state, why, sinceMs, lastSeenMs, isAlerting, epoch }) => ({
      ...createKnownDevice({ site, device }, 0),
      ...{ state, why, sinceMs, lastSeenMs, isAlerting, epoch },
      // It was given time to come back; the start that follows gives it anew.
      awaitedAt: state === 'online' && epoch === 0 ? Number.MAX_SAFE_INTEGER : null,
    })),
  }
}
