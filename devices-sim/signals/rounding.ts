/** What a converter of finite steps makes of a value: a whole multiple of `resolution`, which is 1 / n with a whole n. */
export function stepsOf(resolution: number): (value: number) => number {
  const perUnit = Math.round(1 / resolution)
  // Division gives the double nearest to the decimal, which 3 * 0.2 is not; + 0 makes of -0 a 0, which payloads can say.
  return (value) => Math.round(value * perUnit) / perUnit + 0
}
