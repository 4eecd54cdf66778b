/**
 * Some of the clients, in a process of their own: `crowd.js SETUP`. Orders come over the channel to the parent, each is
 * answered when it is carried out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { createRandom } from '../devices-sim/random.ts'
import { epochMs } from './load.ts'
import { Member, type Network } from './member.ts'

export type CrowdSetup = {
  port: number
  isTls: boolean
  /** 127.x.y.z */
  address: string
  /** Number of the first client, and how many. */
  first: number
  count: number
  keepAliveS: number
}
export type CrowdOrder =
  /** Who is not connected connects, so many at once; who fails tries again, until the time is over. */
  | { do: 'connect'; parallel: number; secondsMax: number }
  | { do: 'load'; ratePerS: number; seconds: number; pingEveryS: number; seed: number }
  /** All connections end without a word. */
  | { do: 'drop' }
  | { do: 'look' }
export type CrowdConnected = {
  /** Clients that are not connected in spite of it. */
  missing: number
  /** Milliseconds since 1970 of the last CONNACK. */
  lastAtMs: number
  /** From the call of connect to the CONNACK, of each. */
  tookMs: Float32Array
  failures: { [why: string]: number }
}
export type CrowdLoad = {
  sent: number
  acked: number
  pings: number
  pongs: number
  /** PUBACKs. */
  tookMs: Float32Array
}
/** `lost`: connections that ended while nobody asked for it. */
export type CrowdState = { connected: number; lost: number; whyLost: { [why: string]: number } }
export type CrowdAnswer = CrowdConnected | CrowdLoad | CrowdState

/**
 * Ports of one address. They are named, since the kernel looks for a free one among a few thousand only where the
 * address is given, and ever longer.
 */
const [firstPort, lastPort] = [10_000, 60_000]
const retryMs = 500
/** How long a PUBACK or PINGRESP may take at the end of a load. */
const lastAnswersMs = 30_000
const tickMs = 5

const setup = JSON.parse(process.argv[2] as string) as CrowdSetup
let port = firstPort
const network: Network = {
  port: setup.port,
  tls: setup.isTls ? createSecureContext() : null,
  address: setup.address,
  nextPort() {
    port = port === lastPort ? firstPort : port + 1
    return port
  },
  keepAliveS: setup.keepAliveS,
}
const members = Array.from(
  { length: setup.count },
  (_, i) => new Member(`c${String(setup.first + i).padStart(6, '0')}`),
)
let connected = 0
let isDropping = false
const lost: { [why: string]: number } = {}
const raise = (counts: { [why: string]: number }, why: string) => {
  counts[why] = (counts[why] ?? 0) + 1
}

let onConnected = (_member: Member) => {}
let onFailed = (_member: Member, _why: string) => {}
let onAcked = (_member: Member) => {}
let pongs = 0
const open = new Set<Member>()
const events = {
  connected(member: Member) {
    connected++
    open.add(member)
    onConnected(member)
  },
  acked: (member: Member) => onAcked(member),
  ponged() {
    pongs++
  },
  closed(member: Member, why: string) {
    if (!open.delete(member)) return onFailed(member, why)
    connected--
    if (!isDropping) raise(lost, why)
  },
}

function connectAll(parallel: number, secondsMax: number): Promise<CrowdConnected> {
  const missing = members.filter((member) => !member.isConnected)
  const tookMs = new Float32Array(missing.length)
  const failures = {}
  let begun = 0
  let done = 0
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      onConnected = () => {}
      onFailed = () => {}
      resolve({ missing: missing.length - done, lastAtMs: epochMs(), tookMs: tookMs.subarray(0, done), failures })
    }
    const timer = setTimeout(end, secondsMax * 1000)
    const next = () => missing[begun++]?.open(network, events)
    onConnected = (member) => {
      tookMs[done++] = performance.now() - member.begunAtMs
      next()
      if (done === missing.length) end()
    }
    onFailed = (member, why) => {
      raise(failures, why)
      setTimeout(() => member.open(network, events), retryMs * (0.5 + Math.random()))
    }
    for (let i = 0; i < Math.min(parallel, missing.length); i++) next()
    if (missing.length === 0) end()
  })
}

async function load({ ratePerS, seconds, pingEveryS, seed }: CrowdOrder & { do: 'load' }): Promise<CrowdLoad> {
  const random = createRandom(seed)
  const messages = Math.round(ratePerS * seconds)
  const tookMs: number[] = []
  onAcked = (member) => tookMs.push(performance.now() - member.writtenAtMs)
  pongs = 0
  let [sent, pings] = [0, 0]
  const begunAtMs = performance.now()
  for (;;) {
    const ms = Math.min(seconds * 1000, performance.now() - begunAtMs)
    for (const due = Math.min(messages, Math.floor((ms * ratePerS) / 1000)); sent < due; sent++) pick().publish()
    const duePings = Math.floor((ms / 1000 / pingEveryS) * members.length)
    for (; pings < duePings; pings++) members[pings % members.length]?.ping()
    if (ms >= seconds * 1000) break
    await sleep(tickMs)
  }
  const giveUpAtMs = performance.now() + lastAnswersMs
  while ((tookMs.length < sent || pongs < pings) && performance.now() < giveUpAtMs) await sleep(tickMs)
  return { sent, acked: tookMs.length, pings, pongs, tookMs: Float32Array.from(tookMs) }

  /** One that has no message on its way; another one soon has, where few are asked for much. */
  function pick(): Member {
    const start = random.below(members.length)
    for (let i = 0; i < members.length; i++) {
      const member = members[(start + i) % members.length] as Member
      if (member.isConnected && member.writtenAtMs === 0) return member
    }
    console.error('crowd: no client is free to publish')
    process.exit(1)
  }
}

async function drop(): Promise<CrowdState> {
  isDropping = true
  for (const member of members) member.reset()
  while (connected > 0) await sleep(tickMs)
  isDropping = false
  return look()
}

const look = (): CrowdState => ({
  connected,
  lost: Object.values(lost).reduce((sum, it) => sum + it, 0),
  whyLost: lost,
})

function carryOut(order: CrowdOrder): Promise<CrowdAnswer> | CrowdAnswer {
  if (order.do === 'connect') return connectAll(order.parallel, order.secondsMax)
  if (order.do === 'load') return load(order)
  return order.do === 'drop' ? drop() : look()
}

process.on('message', async ({ number, order }: { number: number; order: CrowdOrder }) => {
  const answer = await carryOut(order)
  process.send?.({ number, answer })
})
process.on('disconnect', () => process.exit(0))
