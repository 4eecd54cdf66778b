import type { DeviceName } from '../../telemetry/device.ts'

export const fillTopic = (pattern: string, { site, device }: DeviceName): string =>
  pattern.replace('{site}', site).replace('{device}', device)
