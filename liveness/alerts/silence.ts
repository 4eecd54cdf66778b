/**
 * The silence detective: devices that fell silent, counted by what they share. When most of those that share something
 * and were well fall silent, that is one outage and not many.
 */
import { type Factor, factors } from '../../telemetry/alert.ts'
import { type DeviceName, type DeviceState, deviceKey } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'

export type FactorsOf = (name: DeviceName) => ReadonlyArray<readonly [Factor, string]>
/** How many devices share it; must cost no scan. */
export type MembersOf = (factor: Factor, name: string) => { of: number }

export type Wave = { factor: Factor; name: string; silent: number; of: number }

/** fresh: it counts for a wave; old: silent for long, so it was not well before. */
type SilentDevice = { shares: Shared[]; isFresh: boolean }
/** `fresh`: device keys; `latest`: when the last few fell silent. */
type Shared = { factor: Factor; name: string; fresh: Set<string>; old: number; latest: number[] }
type SavedShared = Omit<Shared, 'fresh'> & { fresh: string[] }

export type SavedSilence = {
  devices: Array<[key: string, { shares: number[]; isFresh: boolean }]>
  shared: SavedShared[]
}

export type Silence = {
  /** False: it is silent already. `isFresh` false: it is away, and nobody wonders. */
  fellSilent(name: DeviceName, atMs: number, isFresh: boolean): boolean
  grewOld(key: string): void
  isBack(name: DeviceName): void
  /** Everything that shares something with the device, the narrowest first. */
  sharedBy(name: DeviceName): ReadonlyArray<readonly [Factor, string]>
  /** The wave that explains its silence best; null: none does. */
  waveOf(name: DeviceName): Wave | null
  /** Keys of the devices that make a wave. */
  devicesOf(wave: Pick<Wave, 'factor' | 'name'>): Iterable<string>
  /** How many of those that share it are silent now, of how many that were well. */
  sizeOf(factor: Factor, name: string): { silent: number; of: number }
  /** More of those that share something with it are falling silent just now, so that it may be a wave. */
  isGrowing(name: DeviceName, atMs: number): 'fast' | 'slowly' | null
  /** The same of a device whose connection broke: those that share its fate break in the same moment, so it waits while they do. */
  isBreaking(name: DeviceName, atMs: number): 'fast' | null
  /** It shares more than us with others that were well, enough for a wave. */
  hasPeers(name: DeviceName): boolean
  save(): SavedSilence
}

/** Of factors that explain as much, the first is named. */
const bySpecificity: readonly Factor[] = ['gateway', 'site', 'network', 'firmware', 'ourselves']
const createShared = (factor: Factor, name: string): Shared => ({ factor, name, fresh: new Set(), old: 0, latest: [] })
/** So many fell silent just now. */
const isBurstAt = ({ latest }: Shared, atMs: number): boolean =>
  latest.length >= limits.waveBurst && (latest[0] as number) > atMs - limits.waveBurstMs
const sharedKey = (factor: Factor, name: string) => `${factor}/${name}`

export const isSilent = (state: DeviceState): boolean => state === 'late' || state === 'offline' || state === 'lost'

export function createSilence(saved: SavedSilence | null, factorsOf: FactorsOf, membersOf: MembersOf): Silence {
  const restored = saved?.shared.map((its): Shared => ({ ...its, fresh: new Set(its.fresh) })) ?? []
  const shared = new Map(restored.map((its) => [sharedKey(its.factor, its.name), its]))
  const devices = new Map(
    saved?.devices.map(([key, { shares, isFresh }]): [string, SilentDevice] => [
      key,
      { shares: shares.map((nth) => restored[nth] as Shared), isFresh },
    ]),
  )

  function sharedOf(factor: Factor, name: string): Shared {
    const key = sharedKey(factor, name)
    let its = shared.get(key)
    if (its === undefined) {
      its = createShared(factor, name)
      shared.set(key, its)
    }
    return its
  }

  /** Of those that were well before. A device can fall silent before it is known as a member. */
  function waveBy({ factor, name, fresh, old }: Shared): Wave {
    return { factor, name, silent: fresh.size, of: Math.max(fresh.size, membersOf(factor, name).of - old) }
  }

  /**
   * A factor is the better cause the more silent devices it explains, and the fewer of its devices are not silent: so weighed that
   * one with the least share that makes a wave explains nothing.
   */
  const worthOf = ({ silent, of }: Wave) => silent - (limits.waveShareMin / (1 - limits.waveShareMin)) * (of - silent)

  return {
    fellSilent(name, atMs, isFresh) {
      const key = deviceKey(name)
      if (devices.has(key)) return false
      const known = factorsOf(name).filter(([factor]) => factors.includes(factor))
      const shares = known.map(([factor, value]) => sharedOf(factor, value))
      devices.set(key, { shares, isFresh })
      for (const its of shares) {
        if (isFresh) {
          its.fresh.add(key)
          its.latest.push(atMs)
          if (its.latest.length > limits.waveBurst) its.latest.shift()
        } else its.old++
      }
      return true
    },
    grewOld(key) {
      const device = devices.get(key)
      if (device?.isFresh !== true) return
      device.isFresh = false
      for (const its of device.shares) {
        its.fresh.delete(key)
        its.old++
      }
    },
    isBack(name) {
      const key = deviceKey(name)
      const device = devices.get(key)
      if (device === undefined) return
      devices.delete(key)
      for (const its of device.shares) {
        if (device.isFresh) its.fresh.delete(key)
        else its.old--
        if (its.fresh.size + its.old === 0) shared.delete(sharedKey(its.factor, its.name))
      }
    },
    sharedBy: (name) =>
      (devices.get(deviceKey(name))?.shares ?? [])
        .map((its) => [its.factor, its.name] as const)
        .sort(([a], [b]) => bySpecificity.indexOf(a) - bySpecificity.indexOf(b)),
    waveOf(name) {
      const device = devices.get(deviceKey(name))
      if (device?.isFresh !== true) return null
      let best: Wave | null = null
      for (const its of device.shares) {
        if (its.fresh.size < limits.waveDevicesMin) continue
        const wave = waveBy(its)
        if (wave.silent < limits.waveShareMin * wave.of) continue
        const worth = worthOf(wave) - (best === null ? Number.NEGATIVE_INFINITY : worthOf(best))
        const isNarrower =
          best !== null && bySpecificity.indexOf(wave.factor) < bySpecificity.indexOf(best.factor) && worth === 0
        if (worth > 0 || isNarrower) best = wave
      }
      return best
    },
    devicesOf: ({ factor, name }) => shared.get(sharedKey(factor, name))?.fresh ?? [],
    sizeOf(factor, name) {
      const its = shared.get(sharedKey(factor, name))
      const { silent, of } = its === undefined ? { silent: 0, of: 0 } : waveBy(its)
      return { silent, of }
    },
    isGrowing(name, atMs) {
      const device = devices.get(deviceKey(name))
      if (device === undefined) return null
      let isSlow = false
      for (const its of device.shares) {
        const { latest, fresh } = its
        const lastMs = latest.at(-1) ?? 0
        const isBurst = isBurstAt(its, atMs)
        const isRecent = fresh.size >= limits.waveDevicesMin && lastMs > atMs - limits.waveQuietMs
        if (!isBurst && !isRecent) continue
        const { silent, of } = waveBy(its)
        const isLarge = isRecent && silent >= limits.waveHintMin * of
        if (isLarge && lastMs > atMs - limits.waveSettleMs) return 'fast'
        if (isBurst && silent >= limits.waveBurstHintMin * of) return 'fast'
        isSlow ||= isLarge
      }
      return isSlow ? 'slowly' : null
    },
    isBreaking(name, atMs) {
      const device = devices.get(deviceKey(name))
      const isBreaking = (its: Shared) => {
        const lastMs = its.latest.at(-1) ?? 0
        const since = its.latest.at(-limits.waveDevicesMin) ?? Number.NEGATIVE_INFINITY
        if (lastMs <= atMs - limits.waveSettleMs || since < lastMs - limits.waveBurstMs) return false
        const { silent, of } = waveBy(its)
        return silent >= (isBurstAt(its, atMs) ? limits.waveBurstHintMin : limits.waveHintMin) * of
      }
      return device?.shares.some(isBreaking) ? 'fast' : null
    },
    hasPeers: (name) =>
      devices
        .get(deviceKey(name))
        ?.shares.some((its) => its.factor !== 'ourselves' && waveBy(its).of >= limits.waveDevicesMin) === true,
    save() {
      const all = [...shared.values()]
      const nth = new Map(all.map((its, i) => [its, i]))
      return {
        devices: [...devices].map(([key, { shares, isFresh }]) => [
          key,
          { shares: shares.map((its) => nth.get(its) as number), isFresh },
        ]),
        shared: all.map((its) => ({ ...its, fresh: [...its.fresh] })),
      }
    },
  }
}
