/** Averages per minute of counters, over about 1, 5 and 15 minutes: the older, the less it counts, as in mosquitto and in the load of a Unix system. */

const spansMin = [1, 5, 15]

/**
 * Call the answer at any intervals, with the seconds since the start; its own answer is by `load/{name}/{1,5,15}min`, with
 * two digits behind the point.
 */
export function createLoads(counts: {
  [name: string]: () => number
}): (seconds: number) => { [topic: string]: string } {
  let beforeS = 0
  const loads = Object.entries(counts).map(([name, count]) => ({
    name,
    count,
    before: 0,
    perMin: spansMin.map(() => 0),
  }))
  return (seconds) => {
    const elapsedMin = (seconds - beforeS) / 60
    beforeS = seconds
    const topics: { [topic: string]: string } = {}
    for (const load of loads) {
      const now = load.count()
      const rate = elapsedMin > 0 ? (now - load.before) / elapsedMin : 0
      load.before = now
      load.perMin = load.perMin.map((old, i) => rate + (old - rate) * Math.exp(-elapsedMin / (spansMin[i] as number)))
      for (const [i, value] of load.perMin.entries()) topics[`load/${load.name}/${spansMin[i]}min`] = value.toFixed(2)
    }
    return topics
  }
}
