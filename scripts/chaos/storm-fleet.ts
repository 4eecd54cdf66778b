/** The fleet of the storm tests: devices of every way to tell time and sequence behind gateways that send each message three times. */
import { createRandom } from '../../devices-sim/random.ts'
import { limits } from '../../telemetry/limits.ts'
import { type Gateway, startGateway } from '../../test/faults/gateway.ts'
import { accountProblems } from '../../test/faults/invariants.ts'
import { ledgerOf, storedPoints } from '../../test/faults/stored-points.ts'
import { qualityFaults, startStorm, stormFaults } from '../../test/faults/storm.ts'
import { createFleetDevice, kinds } from '../../test/ingest/fleet.ts'
import type { Balance } from '../../test/servers/dewpoint.ts'
import type { Finding, Fleet } from './fleet.ts'
import type { World } from './world.ts'

const gatewayCount = 4
const devicesPerKind = 2
/** Every 10 ms: 3 reports a second and device. */
const dueChance = 0.03
const reportsPerS = 100 * dueChance
/** Once in a minute and a half: a copy that is late by all a fault may last is of a boot that is still remembered. */
const rebootChance = 0.004
/** A report takes the clock of a device on by so much, on average. */
const clockStepS = 70
/** What parts of the journal have told before pushes a receive time on, since it grows from record to record. */
const lateMsMax = 500
/** A device that is behind by more than a message may be under way has a slow clock. */
const behindMsMax = limits.underwayMsMax - 86_400_000

/** @param runMs how long it will measure */
export function createStormFleet(world: World, seed: number, runMs: number): Fleet {
  const { server } = world
  const random = createRandom(seed)
  const behindMs = Math.min(behindMsMax, 3_600_000 + 1.1 * runMs * reportsPerS * clockStepS)
  const devices = kinds.flatMap((kind) =>
    Array.from({ length: devicesPerKind }, (_, i) => createFleetDevice(kind, `d${i}-${kind}`, random, world.nowMs())),
  )
  const last = createFleetDevice('value', 'last', random, world.nowMs())
  let gateways: Gateway[] = []
  let storm: ReturnType<typeof startStorm> | null = null
  let drained: { before: Balance; after: Balance } | null = null

  const messages = () => storm?.messages ?? []
  const resent = () => gateways.reduce((sum, gateway) => sum + gateway.resent(), 0)

  return {
    start() {
      gateways = Array.from({ length: gatewayCount }, (_, i) =>
        startGateway({ port: world.link.port, client: `gateway-${i}` }),
      )
      storm = startStorm({
        devices,
        gateways,
        random,
        serverNowMs: world.nowMs,
        dueChance,
        rebootChance,
        bootsMax: Number.POSITIVE_INFINITY,
        behindMs,
      })
    },
    acknowledged: () => storm?.acknowledged() ?? 0,
    leapt() {
      // An uptime is reckoned from the clock that the server had: the truth of both would be another.
      storm?.reboot()
    },
    async drain(withinMs) {
      await storm?.finish(withinMs)
      const before = await server.drained(withinMs)
      // Open rows of the ledger come to the store with the next message behind their stretch.
      await server.stop('SIGKILL')
      world.leap(limits.ledgerEveryMs)
      await server.restart()
      const { topic, payload } = last.report(world.nowMs())
      gateways[0]?.send({ topic, payload, dup: false, packetId: null })
      await gateways[0]?.finish(withinMs)
      drained = { before, after: await server.drained(withinMs) }
    },
    async verify() {
      if (drained === null) throw new Error('verify comes after drain')
      const points = await storedPoints(server)
      return [
        ...stormFaults(devices, messages(), points, lateMsMax),
        ...qualityFaults(devices, points),
        ...countProblems(drained, messages().length, resent(), ledgerOf(points)).map(
          (text): Finding => ({ kind: 'count', text, atMs: null }),
        ),
      ]
    },
    told: () => `${messages().length} messages three times each, ${resent()} packets sent again`,
    close() {
      storm?.close()
      for (const gateway of gateways) gateway.close()
    },
  }
}

/** What the counters and the ledger of completeness say of so many messages that all came three times. */
function countProblems(
  { before, after }: { before: Balance; after: Balance },
  sent: number,
  resent: number,
  ledger: { [field: string]: number },
): string[] {
  const problems = accountProblems(after)
  const want = (name: string, given: number, wanted: number) => {
    if (given !== wanted) problems.push(`${name}: ${given}, ${wanted} wanted`)
  }
  want('stored', before.stored, sent)
  want('stored after one more', after.stored, sent + 1)
  for (const name of ['quarantined', 'damaged', 'refused'] as const) want(name, after[name], 0)
  if (before.duplicate < 2 * sent || before.duplicate > 2 * sent + resent) {
    problems.push(`duplicate: ${before.duplicate}, ${2 * sent} to ${2 * sent + resent} wanted`)
  }
  want('ledger, received', ledger.received ?? 0, sent)
  want('ledger, expected', ledger.expected ?? 0, sent)
  want('ledger, missing', ledger.missing ?? 0, 0)
  want('ledger, duplicate', ledger.duplicate ?? 0, before.duplicate)
  return problems
}
