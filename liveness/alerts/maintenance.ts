/** Windows in which devices are worked on: those of the configuration, and those that people open. */
import type { AlertsConfig, Maintenance } from '../../telemetry/alert.ts'
import type { DeviceName } from '../../telemetry/device.ts'
import { limits } from '../../telemetry/limits.ts'
import { concerns } from './rules.ts'

export type MaintenanceWindows = {
  /** Null: there are too many already. */
  add(window: Omit<Maintenance, 'id'>): Maintenance | null
  /** False: no such window, or one of the configuration, which only its file ends. */
  end(id: string): Maintenance | null
  /** Those that are not over. */
  list(nowMs: number): Maintenance[]
  isOn(name: DeviceName, atMs: number): boolean
  save(): SavedMaintenance
}
export type SavedMaintenance = { windows: Maintenance[]; added: number }

export function createMaintenance(
  configured: AlertsConfig['maintenance'],
  saved: SavedMaintenance | null,
): MaintenanceWindows {
  const ofConfig = configured.map((it, i) => ({ ...it, id: `config-${i + 1}`, by: 'the configuration' }))
  let opened = saved?.windows ?? []
  let added = saved?.added ?? 0
  return {
    add(window) {
      if (opened.length >= limits.maintenanceMax) return null
      const its = { ...window, id: `window-${++added}` }
      opened.push(its)
      return its
    },
    end(id) {
      const found = opened.find((it) => it.id === id) ?? null
      opened = opened.filter((it) => it !== found)
      return found
    },
    list(nowMs) {
      opened = opened.filter(({ toMs }) => toMs > nowMs)
      return [...ofConfig.filter(({ toMs }) => toMs > nowMs), ...opened]
    },
    isOn: (name, atMs) =>
      [...ofConfig, ...opened].some((it) => it.fromMs <= atMs && atMs < it.toMs && concerns(it, name)),
    save: () => ({ windows: opened, added }),
  }
}
