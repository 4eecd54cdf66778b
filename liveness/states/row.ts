/** A device as it stands in the saved file: its values in a fixed order, since names would be most of the file. */
import type { DeviceState } from '../../telemetry/device.ts'
import type { Fact } from './facts.ts'
import { createKnownDevice, type KnownDevice, none } from './known-device.ts'

export const toRow = (it: KnownDevice) =>
  [
    [it.site, it.device, it.state, it.why, it.sinceMs, it.lastSeenMs, it.isAlerting],
    [it.epoch, it.boundAt, it.awaitedAt, it.client, it.address],
    [it.reportedAt, it.reportedMs, it.nextMs, it.gaps, it.expectedAt, it.lookedAt, it.vainLooks],
    [it.facts, it.gateway, Number.isFinite(it.dueAt) ? it.dueAt : null],
  ] as const

export type Row = ReturnType<typeof toRow>

/** `same`: makes one object of equal texts, as they were before. */
export function fromRow([status, connection, contract, others]: Row, same: (text: string) => string): KnownDevice {
  const [site, name, state, why, sinceMs, lastSeenMs, isAlerting] = status
  const [epoch, boundAt, awaitedAt, client, address] = connection
  const [reportedAt, reportedMs, nextMs, gaps, expectedAt, lookedAt, vainLooks] = contract
  const [facts, gateway, dueAt] = others
  return Object.assign(createKnownDevice({ site: same(site), device: name }, 0), {
    state: same(state) as DeviceState,
    why: same(why),
    sinceMs,
    lastSeenMs,
    isAlerting,
    epoch,
    boundAt,
    awaitedAt,
    client: client === name ? name : same(client),
    address: same(address),
    reportedAt,
    reportedMs,
    nextMs,
    gaps: gaps.length === 0 ? none : gaps,
    expectedAt,
    lookedAt,
    vainLooks,
    facts: facts.length === 0 ? (none as readonly Fact[]) : facts,
    gateway: same(gateway),
    dueAt: dueAt ?? Number.POSITIVE_INFINITY,
  })
}
