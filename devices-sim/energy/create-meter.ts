/**
 * The meter of one device: it hears what the device does, and bills bytes and energy by cause. Nothing runs between two calls:
 * what sleeps, waits and shines is reckoned when somebody asks, in the same time however long it was.
 */
import type { Profile } from '../profile.ts'
import type { Random } from '../random.ts'
import { type Bill, makeBill, noShares } from './bill.ts'
import { cells, loadedVolts, selfDischargeMilliWatts, usableMilliJoules } from './cells.ts'
import { type Activity, createCosts } from './costs.ts'
import type { Cause, Meter } from './meter.ts'
import { radios } from './radios.ts'
import { sunMilliJoulesPerDay, sunMilliJoulesUntil } from './sun.ts'

/** Cells of one make differ by so much in what they hold [estimate]. */
const capacityDeviation = 0.03
const dayMs = 86_400_000

/** Times grow from call to call; an earlier one counts as the last. */
export function createMeter(
  profile: Profile,
  random: Random,
  startMs: number,
): Meter & { bill(atMs: number): Bill; charge(atMs: number): number } {
  const radio = radios[profile.radio]
  const cell = cells[profile.cell]
  const costs = createCosts(profile, radio, false)
  const total = noShares()
  const capacity = cell === null ? 0 : usableMilliJoules(cell) * Math.max(0.5, 1 + capacityDeviation * random.normal())
  const isCharged = profile.solar && cell?.isRechargeable === true
  const leak = cell === null ? 0 : selfDischargeMilliWatts(cell) / 1000
  const isHeldKind = profile.connection === 'held'
  const { wakeMilliJoules, waitMilliWatts, sampleMilliJoules } = costs
  const [asleepMilliWatts, heldMilliWatts] = [costs.idleMilliWatts(false), costs.idleMilliWatts(true)]
  let left = capacity
  let lastMs = startMs
  let isConnected = false
  /** Up to here the radio's work is billed already; after it the radio stays on without work, up to onUntilMs, for onCause. */
  let busyUntilMs = startMs
  let onUntilMs = -Infinity
  let onCause: Cause = 'tail'

  function spend(cause: Cause, milliJoules: number, bytes = 0): void {
    const share = total[cause]
    share.milliJoules += milliJoules
    share.bytes += bytes
    left -= milliJoules
  }

  /** What passed since the last call. */
  function settle(atMs: number): void {
    const toMs = Math.max(atMs, lastMs)
    const passedMs = toMs - lastMs
    if (passedMs === 0) return
    const onMs = Math.min(toMs, onUntilMs) - Math.max(lastMs, busyUntilMs)
    if (onMs > 0) spend(onCause, (onMs * waitMilliWatts) / 1000)
    spend('sleep', (passedMs * (isConnected && isHeldKind ? heldMilliWatts : asleepMilliWatts)) / 1000)
    left -= passedMs * leak
    if (isCharged) left += sunMilliJoulesUntil(toMs) - sunMilliJoulesUntil(lastMs)
    left = Math.min(capacity, Math.max(0, left))
    lastMs = toMs
  }

  /** A packet, and the radio around it. */
  function act(
    atMs: number,
    { spends, waitS, waitCause }: Activity,
    wakeCause: Cause,
    afterCause: Cause,
    isWake: boolean,
  ) {
    settle(atMs)
    if (isWake && lastMs > onUntilMs) spend(wakeCause, wakeMilliJoules)
    for (const { cause, milliJoules, bytes } of spends) spend(cause, milliJoules, bytes)
    // Packets that are under way at once wait together.
    const waitUntilMs = lastMs + waitS * 1000
    const waitMs = waitUntilMs - Math.max(lastMs, busyUntilMs)
    if (waitMs > 0) spend(waitCause, (waitMs * waitMilliWatts) / 1000)
    busyUntilMs = Math.max(busyUntilMs, waitUntilMs)
    onCause = afterCause
    onUntilMs = isConnected && !isHeldKind ? Infinity : busyUntilMs + radio.tailS * 1000
  }

  return {
    connected(atMs, mqttBytesUp, mqttBytesDown) {
      const { spends, waitS, waitCause } = costs.connect(mqttBytesUp, mqttBytesDown)
      settle(atMs)
      if (radio.carries === 'mqtt') {
        if (lastMs > onUntilMs) spend('handshake', wakeMilliJoules)
        // The handshake is over when this is heard of.
        spend(waitCause, waitS * waitMilliWatts)
      }
      isConnected = true
      busyUntilMs = lastMs
      act(atMs, { spends, waitS: 0, waitCause }, 'handshake', 'tail', false)
    },
    published(atMs, bytes, isAcknowledged) {
      act(atMs, costs.publish(bytes, isAcknowledged), 'handshake', 'tail', isHeldKind && radio.isAsleepWhileHeld)
    },
    pinged(atMs) {
      if (radio.carries === 'mqtt') act(atMs, costs.ping(), 'keepalive', 'keepalive', radio.isAsleepWhileHeld)
    },
    disconnected(atMs) {
      settle(atMs)
      if (!isConnected) return
      isConnected = false
      if (radio.carries === 'mqtt') act(atMs, costs.disconnect(), 'handshake', 'tail', false)
    },
    sampled(atMs) {
      settle(atMs)
      spend('sample', sampleMilliJoules)
    },
    volts(atMs, isRadioOn) {
      settle(atMs)
      return cell === null ? null : loadedVolts(cell, left / capacity, isRadioOn ? radio.peakMilliAmps : 0)
    },
    isEmpty(atMs) {
      settle(atMs)
      return cell !== null && left <= 0
    },
    charge(atMs) {
      settle(atMs)
      return cell === null ? 1 : left / capacity
    },
    bill(atMs) {
      settle(atMs)
      const days = Math.max(1, lastMs - startMs) / dayMs
      return makeBill(total, days, cell, 1, isCharged ? sunMilliJoulesPerDay : 0)
    },
  }
}
