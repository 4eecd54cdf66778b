/**
 * What must hold after every fault: each acknowledged reading is stored, with its value and time, none twice, nothing is
 * stored that was never sent, and the counts balance with the rows that the store answers.
 */
import type { Balance, DewpointServer } from '../servers/dewpoint.ts'
import type { Publisher, SentReading } from './publisher.ts'

type StoredReading = { time: string; value: number }

/** `lost`: values that a damaged journal cannot give back. They may be missing, and only they. */
export type Exceptions = { lost?: ReadonlySet<number> }

const few = (values: Array<number | string>) =>
  values.length > 5 ? `${values.slice(0, 5).join(', ')} … ${values.at(-1)}` : values.join(', ')

const valuesOf = (readings: Array<{ value: number }>) => readings.map(({ value }) => value)

const storedOf = (server: DewpointServer, device: string): Promise<StoredReading[]> =>
  server.get(`/api/readings?device=${encodeURIComponent(device)}&channel=voltage`)

/** Everything that is wrong with one device's readings, as sentences. */
export function problemsOf(
  publisher: Pick<Publisher, 'device' | 'sent'>,
  stored: StoredReading[],
  { lost = new Set() }: Exceptions = {},
): string[] {
  const { device, sent } = publisher
  const byValue = new Map<number, SentReading>(sent.map((reading) => [reading.value, reading]))
  const seen = new Map<number, number>()
  for (const { value } of stored) seen.set(value, (seen.get(value) ?? 0) + 1)

  const problems: string[] = []
  const say = (what: string, values: Array<number | string>) => {
    if (values.length > 0) problems.push(`${device}: ${values.length} ${what}: ${few(values)}`)
  }

  const missing = sent.filter(({ value, isAcknowledged }) => isAcknowledged && !seen.has(value) && !lost.has(value))
  const twice = [...seen].filter(([, times]) => times > 1).map(([value, times]) => `${value} (${times} times)`)
  const unknown = stored.filter(({ value }) => !byValue.has(value))
  const misdated = stored.filter(({ time, value }) => {
    const timeMs = byValue.get(value)?.timeMs ?? null
    return timeMs !== null && Date.parse(time) !== timeMs
  })
  say('acknowledged readings are not stored', valuesOf(missing))
  say('readings are stored more than once', twice)
  say('stored readings were never sent', valuesOf(unknown))
  say('readings are stored with a time that is not theirs', valuesOf(misdated))
  const back = [...lost].filter((value) => seen.has(value))
  say('readings are stored that were believed lost', back)
  return problems
}

/** What is wrong with the counts of themselves, as sentences. */
export function accountProblems(balance: Balance): string[] {
  const { received, accepted, refused, waiting, stored, quarantined, duplicate, damaged, held } = balance
  const problems: string[] = []
  const decided = stored + quarantined + duplicate + damaged + held
  if (accepted !== decided) problems.push(`${accepted} accepted, but ${decided} decided or held`)
  if (received !== accepted + refused + waiting)
    problems.push(`${received} received, but ${accepted + refused + waiting} accepted, refused or waiting`)
  if (Object.values(balance).some((count) => count < 0)) problems.push('a count is negative')
  return problems.map((problem) => `${problem} (${JSON.stringify(balance)})`)
}

/** `rows`: readings that the store answers, over all devices that ever published to this server. */
export function balanceProblems(balance: Balance, rows: number, acknowledged: number): string[] {
  const { accepted, stored } = balance
  const problems = accountProblems(balance)
  if (stored !== rows) problems.push(`${stored} counted as stored, but the store answers ${rows} readings`)
  if (accepted < acknowledged) problems.push(`${acknowledged} acknowledged, but only ${accepted} accepted`)
  return problems
}

export type Checked = { balance: Balance; sent: number; acknowledged: number; rows: number; resent: number }

/**
 * Waits until nothing is held and checks everything that a store and the counters say about these publishers. They must
 * be the only ones that ever published to the server.
 * @throws Error with every problem
 */
export async function checkDelivered(
  server: DewpointServer,
  publishers: Publisher[],
  exceptions: Exceptions & { withinMs?: number } = {},
): Promise<Checked> {
  const balance = await server.drained(exceptions.withinMs ?? 60_000)
  const problems: string[] = []
  const total = { sent: 0, acknowledged: 0, rows: 0, resent: 0 }
  for (const publisher of publishers) {
    const stored = await storedOf(server, publisher.device)
    problems.push(...problemsOf(publisher, stored, exceptions))
    total.sent += publisher.sent.length
    total.acknowledged += publisher.acknowledged()
    total.resent += publisher.resent()
    total.rows += stored.length
  }
  problems.push(...balanceProblems(balance, total.rows, total.acknowledged - (exceptions.lost?.size ?? 0)))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { balance, ...total }
}
