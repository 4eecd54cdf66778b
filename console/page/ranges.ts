/** The stretches of time that a reader can choose from. */
export const ranges = [
  { value: '5m', label: '5 min', name: 'the last 5 minutes', ms: 300_000 },
  { value: '1h', label: '1 h', name: 'the last hour', ms: 3_600_000 },
  { value: '24h', label: '24 h', name: 'the last 24 hours', ms: 86_400_000 },
  { value: '7d', label: '7 d', name: 'the last 7 days', ms: 604_800_000 },
  { value: '1y', label: '1 y', name: 'the last year', ms: 31_536_000_000 },
  { value: '10y', label: '10 y', name: 'the last ten years', ms: 315_360_000_000 },
] as const
export type Range = (typeof ranges)[number]
