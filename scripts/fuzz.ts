/** Hostile payloads over all codecs: what the encoders write, tampered with, and noise. */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { createRandom, type Random } from '../devices-sim/random.ts'
import { encodeNbirth, encodeNdeath, encodeSparkplugData } from '../telemetry/codec/sparkplug-encode.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { type CodecMemory, createMemory, isProblem, type Report } from '../telemetry/reading.ts'
import { type Format, formats, textFormat } from './formats.ts'
import { encodeHour, encodeOne, hours } from './payload-table.ts'

export type FuzzResult = {
  decoded: number
  refused: number
  /** Slowest decode, milliseconds, of those that were slow again when they were repeated. */
  slowestMs: number
  /** Growth of memory from the first tenth to the last, MiB; null: node was started without --expose-gc, so nobody knows. */
  grownMiB: number | null
  failures: string[]
}

export const fuzzLimits = { decodeMsMax: 50, grownMiBMax: 32, payloadBytesMax: 256 * 1024 } as const
/** A pause of the machine does not come back at the same payload. */
const repeats = 3
/** More of a kind say nothing new. */
const failuresMax = 20
const turnEvery = 500

type Target = { format: Format; samples: Buffer[]; memory: CodecMemory }

/** Sparkplug's payloads mean what their topic says; nothing else looks at it. */
const topics = ['NBIRTH', 'NDATA', 'DBIRTH/d1', 'DDATA/d1', 'NDEATH'].map((it) => {
  const [kind, device = ''] = it.split('/')
  return `spBv1.0/plant/${kind}/edge-1${device === '' ? '' : `/${device}`}`
})

/** What series of numbers do not show of a codec, by the beginning of the format's name. */
const moreSamples: { [codec: string]: Buffer[] } = {
  influx: [Buffer.from('# c\nwe\\ ather,a\\=b=c\\,d,e=f g="h \\"i\\\\",j=4i,k=t,l=5u,m=-1.5e-3 1699999000000000000\n')],
  json: [
    Buffer.from(
      '{"a":{"b":[1,"x",null,{"c":[[[]]]}]},"v":[1,2],"t":"2023-11-14T22:13:20.5+01:00","dt":60,"seq":1,"boot":2}',
    ),
  ],
  'senml-json': [
    Buffer.from(
      '[{"bn":"a:","bt":1.7e9,"bu":"W","bv":1,"bs":2,"bver":10,"n":"b","v":1,"s":3,"t":-1,"ut":60,"l":[{}]},{"vb":true,"n":"c"},{"vd":"aGk"}]',
    ),
  ],
  'senml-cbor': [
    // {bn, bt, bu, bv, bs, n, u, s, t, ut, "l": [{}]}, {n, vb}, {n, vs}, {n, vd}, all of indefinite length, with tag 4.
    Buffer.from('9fbf2161612219ffff236157240125022600616201615605c482200306200718c8616c9fbfffff', 'hex'),
    Buffer.from('84a2006162c0f5a200616204f5a20061620361ffa20061620842aabb', 'hex'),
  ],
  cbor: [
    Buffer.from('a36176834101c48221196ab3fb400db22d0e5604196174c11a6553ed1863736571d9d9f7c2430100005f4101ff', 'hex'),
  ],
  msgpack: [Buffer.from('83a17693cb400db22d0e560419c0a178a174d6ff6553ed18a3736571cf00000000ffffffff', 'hex')],
  'sparkplug-b': [
    encodeNbirth({
      timestampMs: 1_700_000_000_000,
      bdSeq: 0,
      metrics: [
        { name: 'temp', alias: 1, datatype: 'Double', value: 21.5 },
        { name: 'door', alias: 2, datatype: 'Boolean', value: true },
        { name: 'label', datatype: 'String', value: 'north' },
      ],
    }),
    encodeSparkplugData({
      timestampMs: 1_700_000_060_000,
      seq: 1,
      metrics: [
        { alias: 1, datatype: 'Double', value: 22 },
        { alias: 2, datatype: 'Boolean', value: null },
      ],
    }),
    encodeNdeath(0),
  ],
}

function createTarget(format: Format): Target {
  const samples = Object.values(hours).flatMap((series) => [
    encodeOne(format, series),
    ...[encodeHour(format, series) ?? []].flat(),
  ])
  const codec = format.name.split(/[:, ]/)[0] as string
  return { format, samples: [...samples, ...(moreSamples[codec] ?? [])], memory: createMemory() }
}

/** Bytes that decoders branch on: signs of JSON and line protocol, heads of CBOR, MessagePack, protobuf and gzip. */
const telling = Buffer.from(
  '[]{}",:=\\ \n-+.eE0_\x00\x1f\x8b\x7f\x80\x9f\xbf\xc4\xd9\xdb\xdd\xdf\xf9\xfb\xff',
  'latin1',
)

/** @returns a payload of at most fuzzLimits.payloadBytesMax */
export function hostile(samples: Buffer[], random: Random): Buffer {
  const pick = () => samples[random.below(samples.length)] as Buffer
  const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.below(256)))
  const sample = pick()
  const cut = random.below(sample.length + 1)
  switch (random.below(9)) {
    case 0:
      return noise(random.below(64))
    case 1:
      return sample.subarray(0, cut)
    case 2:
      return Buffer.concat([sample, noise(1 + random.below(16))])
    case 3:
      return Buffer.concat([sample.subarray(0, cut), pick().subarray(cut)])
    case 4:
      return Buffer.concat([sample.subarray(0, cut), noise(1 + random.below(4)), sample.subarray(cut)])
    case 5: {
      // A part many times over: depth, length, repetition. Seldom long, or the long ones take all the time.
      const part = sample.subarray(cut, cut + 1 + random.below(8))
      const times = random.below(random.below(200) === 0 ? 4000 : 40)
      return Buffer.concat([sample.subarray(0, cut), ...Array(times).fill(part), sample.subarray(cut)])
    }
    default: {
      const changed = Buffer.from(sample)
      const changes = 1 + random.below(4)
      for (let i = 0; i < changes && changed.length > 0; i++) {
        const at = random.below(changed.length)
        const choice = random.below(3)
        if (choice === 0) changed[at] = random.below(256)
        else if (choice === 1) changed[at] = telling[random.below(telling.length)] as number
        else changed[at] = (changed[at] as number) ^ (1 << random.below(8))
      }
      return changed
    }
  }
}

/** What a decoder promises of everything that it answers; null: nothing is broken. */
function brokenPromise(result: Report[] | MessageProblem): string | null {
  if (isProblem(result)) return null
  for (const { readings, sequence, boot, nextS } of result) {
    for (const { value, timeMs, timeBase } of readings) {
      if (typeof value === 'number' && !Number.isFinite(value)) return `a value of ${value}`
      if (!Number.isFinite(timeMs)) return `a time of ${timeMs}`
      if (timeBase === 'now' && timeMs > 0) return `a time of ${timeMs} ms after now`
    }
    for (const count of [sequence, boot]) {
      if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) return `a count of ${count}`
    }
    if (nextS !== undefined && !(nextS >= 0)) return `a next report in ${nextS} s`
  }
  return null
}

/** The same payloads for the same seed. `onProgress` hears ten times how many are done. */
export async function fuzz(
  payloads: number,
  seed: number,
  onProgress: (done: number) => void = () => {},
  over: Format[] = [...formats, textFormat],
): Promise<FuzzResult> {
  const random = createRandom(seed)
  const targets = over.map(createTarget)
  const result: FuzzResult = { decoded: 0, refused: 0, slowestMs: 0, grownMiB: null, failures: [] }
  const tenth = Math.max(1, Math.floor(payloads / 10))
  let atFirstMiB: number | null = null

  const fail = ({ format }: Target, payload: Buffer, what: string) => {
    if (result.failures.length < failuresMax)
      result.failures.push(`${format.name}: ${what}: ${payload.subarray(0, 2000).toString('base64')}`)
  }

  function decode(target: Target, topic: string, payload: Buffer): number {
    const context = { topic, memory: target.memory }
    const begun = performance.now()
    const answer = target.format.codec.decode(payload, context)
    const ms = performance.now() - begun
    const broken = brokenPromise(answer)
    if (broken !== null) fail(target, payload, broken)
    if (isProblem(answer)) result.refused++
    else result.decoded++
    return ms
  }

  for (let i = 0; i < payloads; i++) {
    const target = targets[i % targets.length] as Target
    const topic = topics[random.below(topics.length)] as string
    const payload = hostile(target.samples, random).subarray(0, fuzzLimits.payloadBytesMax)
    try {
      let ms = decode(target, topic, payload)
      for (let again = 0; again < repeats && ms > result.slowestMs; again++)
        ms = Math.min(ms, decode(target, topic, payload))
      result.slowestMs = Math.max(result.slowestMs, ms)
      if (ms > fuzzLimits.decodeMsMax) fail(target, payload, `${ms.toFixed(1)} ms`)
    } catch (error) {
      fail(target, payload, `${(error as Error).stack}`)
    }
    // zlib frees its engines only when the event loop turns, as it does between two reads of the journal.
    if ((i + 1) % turnEvery === 0 || (i + 1) % tenth === 0) await eventLoopTurn()
    if ((i + 1) % tenth === 0) {
      const usedMiB = memoryMiB()
      atFirstMiB ??= usedMiB
      result.grownMiB = usedMiB === null || atFirstMiB === null ? null : usedMiB - atFirstMiB
      onProgress(i + 1)
    }
  }
  const { grownMiB } = result
  if (grownMiB !== null && grownMiB > fuzzLimits.grownMiBMax) {
    result.failures.push(`memory grew by ${grownMiB.toFixed(1)} MiB`)
  }
  return result
}

/** What is left after a collection. */
function memoryMiB(): number | null {
  if (globalThis.gc === undefined) return null
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}
