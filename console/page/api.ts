/** The server's answers, typed, and how to ask for them. */

export type Latest = { time: string; value: number; unit: string }
/** States are online and offline today; the page shows any other word as it comes. */
export type DeviceState = {
  site: string
  device: string
  state: string
  since: string
  lastSeen: string
  why: string
  /** It is offline, and not by its own wish. */
  alert: boolean
}
export type Device = DeviceState & { latest: Record<string, Latest> }
export type LiveReading = { site: string; device: string; channel: string; unit: string; time: string; value: number }
export type Bucket = { time: string; mean: number; min: number; max: number }
export type Counters = Record<
  'received' | 'accepted' | 'refused' | 'waiting' | 'stored' | 'quarantined' | 'duplicate' | 'damaged' | 'held',
  number
>
export type Quarantined = {
  id: string | number
  topic: string
  client: string
  time: string
  code: string
  reason: string
  payload: string
}
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

async function ask(path: string, signal?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(answerWithinMs)
  try {
    const response = await fetch(path, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
    learnServerTime(response)
    return response
  } catch (error) {
    if (signal?.aborted) throw error
    if (timeout.aborted) throw new Error(`The server did not answer within ${answerWithinMs / 1000} s.`)
    throw new Error('The server cannot be reached.')
  }
}

async function getJson<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  const response = await ask(path, signal)
  if (response.ok) return (await response.json()) as Answer
  const problem = (await response.json().catch(() => ({}))) as { message?: string }
  throw new Error(`The server answered ${response.status}${problem.message ? `: ${problem.message}` : '.'}`)
}

export const getDevices = () => getJson<Device[]>('/api/devices')
export const getCounters = () => getJson<Counters>('/api/counters')
export const getQuarantine = (limit: number) => getJson<Quarantined[]>(`/api/quarantine?limit=${limit}`)

/** A failing health check answers 503 with the same body, so the status code is not looked at. */
export const getHealth = async (): Promise<Health> => (await (await ask('/healthz')).json()) as Health

export function getBuckets(
  of: { site: string; device: string; channel: string },
  range: { fromMs: number; toMs: number; points: number },
  signal: AbortSignal,
): Promise<Bucket[]> {
  const query = new URLSearchParams({
    site: of.site,
    device: of.device,
    channel: of.channel,
    from: new Date(range.fromMs).toISOString(),
    to: new Date(range.toMs).toISOString(),
    points: String(range.points),
  })
  return getJson(`/api/readings?${query}`, signal)
}
