/** npm run fuzz -- [payloads] [seed]: hostile payloads over all codecs; exit 1 when one throws, hangs, or memory grows. */
import { fuzz } from './fuzz.ts'

const [payloads = 1_000_000, seed = Math.floor(Math.random() * 2 ** 32)] = process.argv.slice(2).map(Number)
console.log(`${payloads} payloads, seed ${seed}`)
const begun = performance.now()
const { decoded, refused, slowestMs, grownMiB, failures } = await fuzz(payloads, seed, (done) =>
  console.log(`${done} done`),
)
const seconds = ((performance.now() - begun) / 1000).toFixed(0)
const memory = grownMiB === null ? 'not measured (--expose-gc)' : `grew by ${grownMiB.toFixed(1)} MiB`
console.log(
  `${decoded} decoded, ${refused} refused in ${seconds} s; slowest ${slowestMs.toFixed(2)} ms; memory ${memory}`,
)
for (const failure of failures) console.error(failure)
if (failures.length > 0) process.exitCode = 1
