/** The server's answers, typed, and how to ask for them. */

export type Value = number | string | boolean
export type StoredReading = { time: string; value: Value }
export type Latest = StoredReading & { unit: string }
export type DeviceState = {
  site: string
  device: string
  state: string
  since: string
  /** Null: never. */
  lastSeen: string | null
  /** When its next report is due, or it means to wake; null: nobody knows. */
  due: string | null
  why: string
  /** It is offline, and not by its own wish. */
  alert: boolean
}
export type Device = DeviceState & { latest: Record<string, Latest> }
export type LiveReading = Latest & { site: string; device: string; channel: string }
export type Bucket = { time: string; mean: number; min: number; max: number }
export type Counters = Record<
  'received' | 'accepted' | 'refused' | 'waiting' | 'stored' | 'quarantined' | 'duplicate' | 'damaged' | 'held',
  number
>
export type Quarantined = {
  id: string
  topic: string
  client: string
  time: string
  code: string
  reason: string
  payload: string
  configVersion: string
  /** Grows when the message is decided again and stays. */
  decidedAt: number
}
/** What the routes of now make of a message: points as line protocol, or why it stays. */
export type Preview = { id: string } & ({ points: string[]; notes: string[] } | { code: string; detail: string })
export type Health = { status: 'ok' | 'failing'; checks: Record<string, { ok: boolean; detail: string }> }

/** An answer that takes longer than this is shown as a problem, with a way to ask again. */
const answerWithinMs = 20_000

let serverAheadMs = 0

/**
 * The server's time. Ages and chart ranges would be wrong on a computer whose clock is wrong. The Date header only
 * has whole seconds, so a small difference is taken for none.
 */
export const serverNowMs = (): number => Date.now() + serverAheadMs

function learnServerTime(response: Response): void {
  const serverMs = Date.parse(response.headers.get('date') ?? '') + 500
  if (Number.isNaN(serverMs)) return
  const aheadMs = serverMs - Date.now()
  serverAheadMs = Math.abs(aheadMs) > 2_500 ? aheadMs : 0
}

async function ask(path: string, signal?: AbortSignal, post?: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(answerWithinMs)
  try {
    const response = await fetch(path, { ...post, signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
    learnServerTime(response)
    return response
  } catch (error) {
    if (signal?.aborted) throw error
    if (timeout.aborted) throw new Error(`The server did not answer within ${answerWithinMs / 1000} s.`)
    throw new Error('The server cannot be reached.')
  }
}

export const getJson = async <Answer>(path: string, signal?: AbortSignal) => readJson<Answer>(await ask(path, signal))

export async function postJson<Answer>(path: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return readJson<Answer>(await ask(path, undefined, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** Null: there is nothing to answer yet. */
export async function getJsonOrNone<Answer>(path: string): Promise<Answer | null> {
  const response = await ask(path)
  return response.status === 204 ? null : readJson<Answer>(response)
}

async function readJson<Answer>(response: Response): Promise<Answer> {
  if (response.ok) return (await response.json()) as Answer
  const problem = (await response.json().catch(() => ({}))) as { message?: string }
  throw new Error(`The server answered ${response.status}${problem.message ? `: ${problem.message}` : '.'}`)
}

/** `total`: how many there are; of very many only the first are listed. `state`: '' for all. */
export async function getDevices(state: string): Promise<{ devices: Device[]; total: number }> {
  const response = await ask(state === '' ? '/api/devices' : `/api/devices?${new URLSearchParams({ state })}`)
  const devices = await readJson<Device[]>(response)
  return { devices, total: Number(response.headers.get('x-total-count') ?? devices.length) }
}
export const getCounters = () => getJson<Counters>('/api/counters')
/** The newest; of one code unless that is ''. */
export function getQuarantine(limit: number, code: string): Promise<Quarantined[]> {
  const query = new URLSearchParams({ limit: String(limit), ...(code !== '' && { code }) })
  return getJson(`/api/quarantine?${query}`)
}
/** Those of the messages that are still there. */
export const getQuarantined = (ids: string[]) =>
  getJson<Quarantined[]>(`/api/quarantine?${new URLSearchParams(ids.map((id) => ['ids', id]))}`)
export const getQuarantineCodes = () => getJson<Record<string, number>>('/api/quarantine/codes')
export const previewQuarantined = (ids: string[]) =>
  postJson<{ previews: Preview[]; remaining: number; unknown: string[] }>('/api/quarantine/replay', {
    ids,
    dryRun: true,
  })
export const replayQuarantined = (ids: string[]) =>
  postJson<{ replayed: number; remaining: number; unknown: string[] }>('/api/quarantine/replay', { ids })

/** A failing health check answers 503 with the same body, so the status code is not looked at. */
export const getHealth = async (): Promise<Health> => (await (await ask('/healthz')).json()) as Health

type Of = { site: string; device: string; channel: string }
type Range = { fromMs: number; toMs: number }

/** Mean, lowest and highest of about so many stretches. */
export const getBuckets = (of: Of, range: Range, points: number, signal: AbortSignal): Promise<Bucket[]> =>
  getReadings(of, range, { points: String(points) }, signal)

/** The newest readings, in order of time. */
export const getNewest = (of: Of, range: Range, newest: number, signal: AbortSignal): Promise<StoredReading[]> =>
  getReadings(of, range, { newest: String(newest) }, signal)

function getReadings<Answer>(of: Of, range: Range, more: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const query = new URLSearchParams({
    site: of.site,
    device: of.device,
    channel: of.channel,
    from: new Date(range.fromMs).toISOString(),
    to: new Date(range.toMs).toISOString(),
    ...more,
  })
  return getJson(`/api/readings?${query}`, signal)
}
