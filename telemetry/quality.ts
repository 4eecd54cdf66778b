/** What is said of readings beside their value: closed lists, fit to be a metric label. */

/** How a time came about that is neither simply the device's nor simply ours. */
export const timeQualities = {
  uptime: 'reckoned from how long the device has been up',
  corrected: 'the clock of the device was wrong; the reading counts back from when it arrived',
  old: 'older than the route believes',
  delayed: 'sent long before it came, or by a clock that is slow; the device is believed',
} as const
export type TimeQuality = keyof typeof timeQualities

/** What a counter did between two reports. */
export const counterEvents = {
  counted: 'went on',
  wrapped: 'began anew at its width',
  restarted: 'began anew with the device',
  rebased: 'went on from a number that could not be explained',
  first: 'nothing to compare with',
  late: 'measured before the last report, whose amount holds it already',
  glitch: 'moved in a way that cannot be explained',
  invalid: 'is no number of this counter',
} as const
export type CounterEvent = keyof typeof counterEvents
