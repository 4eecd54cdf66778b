import { expect, test } from 'vitest'
import { createCodec } from '../../telemetry/codec/codec.ts'
import { createMemory, isProblem, type Report } from '../../telemetry/reading.ts'
import { mainsMeter } from '../energy/mains.ts'
import type { Format } from '../profile.ts'
import { createRandom } from '../random.ts'
import type { OutgoingPublish } from '../transport.ts'
import { countingSensor, createRig, type Rig, startMs, tips, voltage } from './rig.ts'

type Sent = OutgoingPublish & { atMs: number }

function decoded({ wire }: Rig, { topic, payload }: OutgoingPublish): Report {
  const reports = createCodec(wire.layout.options).decode(payload, { topic, memory: createMemory() })
  if (isProblem(reports)) throw new Error(reports.detail)
  return reports[0] as Report
}
const sequences = (rig: Rig) => rig.transport.reports().map((it) => decoded(rig, it).sequence)

test('device sends each sample and frees its flash by the PUBACK when nothing goes wrong', () => {
  const rig = createRig()
  rig.pass(3600)
  expect(rig.of('report')).toHaveLength(60)
  expect(rig.of('sent').map(({ nth }) => nth)).toEqual(rig.of('report').map(({ nth }) => nth))
  expect(rig.of('acknowledged')).toHaveLength(60)
  expect(rig.device.waiting).toBe(0)
  expect(rig.transport.connections).toHaveLength(1)
  expect(sequences(rig)).toEqual(Array.from({ length: 60 }, (_, i) => i))
  const [first] = rig.of('report')
  const [packet] = rig.transport.reports() as [Sent]
  const { readings } = decoded(rig, packet)
  expect(readings).toEqual([
    { channel: '', value: 3.001, unit: '', timeBase: 'unix', timeMs: first?.samples[0]?.takenAtMs },
  ])
  expect(first).toMatchObject({ time: { how: 'exact', resolutionMs: 1 }, expect: 'stored' })
  expect(packet).toMatchObject({ topic: 'sensors/home/d-0001/test-json', qos: 1, dup: false })
})

test('device that holds its connection pings when it has nothing to say', () => {
  const rig = createRig({ sampleEveryS: 86_400, keepAliveS: 60 })
  rig.pass(3605)
  expect(rig.transport.last().pings).toBeGreaterThanOrEqual(59)
  expect(rig.transport.connections).toHaveLength(1)
  rig.transport.behaviour.pongs = false
  rig.pass(100)
  expect(rig.transport.connections).toHaveLength(2)
})

test('device wakes for a batch and leaves with a DISCONNECT when all is acknowledged', () => {
  const rig = createRig({ connection: 'wake', batch: 10, tellsStatus: true })
  rig.pass(3600)
  expect(rig.transport.connections).toHaveLength(6)
  for (const { isEnded, published } of rig.transport.connections) {
    expect(isEnded).toBe(true)
    expect(published.map(({ topic }) => topic.split('/').at(-1))).toEqual(['status', 'test-json'])
    expect(published[0]?.payload.toString()).toBe('online')
  }
  expect(rig.of('report').map(({ samples }) => samples.length)).toEqual([10, 10, 10, 10, 10, 10])
  const states = rig.of('state')
  expect(states.map(({ state }) => state)).toEqual([
    'asleep',
    ...Array.from({ length: 6 }, () => ['awake', 'asleep']).flat(),
  ])
  // It wakes when it said so.
  const wakes = states.filter(({ state }) => state === 'awake').map(({ atMs }) => atMs)
  const meant = states.filter(({ state }) => state === 'asleep').map(({ untilMs }) => untilMs)
  expect(meant.slice(0, 6)).toEqual(wakes)
})

test('device sends again when the PUBACK does not come, by the same packet identifier', () => {
  const rig = createRig({ persistentSession: true })
  let lost = 0
  rig.transport.behaviour.acknowledges = () => ++lost > 1
  rig.pass(180)
  const [first, again] = rig.transport.reports() as [Sent, Sent]
  expect(first.dup).toBe(false)
  expect(again).toMatchObject({ dup: true, packetId: first.packetId })
  expect(decoded(rig, again).sequence).toBe(decoded(rig, first).sequence)
  expect(rig.of('sent').filter(({ nth }) => nth === 0)).toHaveLength(2)
  expect(rig.device.waiting).toBe(0)
})

test('device sets no DUP when its session is clean', () => {
  const rig = createRig()
  let lost = 0
  rig.transport.behaviour.acknowledges = () => ++lost > 1
  rig.pass(180)
  expect(
    rig.transport
      .reports()
      .slice(0, 2)
      .map(({ dup }) => dup),
  ).toEqual([false, false])
})

test('device waits longer after each connect that is refused, and brings all when one succeeds', () => {
  const rig = createRig()
  rig.transport.behaviour.connect = 'refuse'
  rig.pass(3600)
  const waits = rig.transport.connections.map(({ openedAtMs }) => openedAtMs)
  expect(waits.length).toBeGreaterThan(8)
  expect(waits.length).toBeLessThan(25)
  expect(rig.device.problem).toBe('the test refuses')
  rig.transport.behaviour.connect = 'accept'
  rig.pass(600)
  expect(rig.device.waiting).toBe(0)
  const numbers = sequences(rig)
  expect(numbers).toEqual(numbers.map((_, i) => i))
})

test('device gives up a connect that nobody answers', () => {
  const rig = createRig()
  rig.transport.behaviour.connect = 'silence'
  rig.pass(60)
  expect(rig.device.problem).toBe('no answer within 20 s')
  expect(rig.transport.connections.length).toBeGreaterThan(1)
})

test('device sends the rest of what was under way again when the connection is lost in the middle', () => {
  const rig = createRig({ batch: 1, connection: 'wake', window: 3 })
  rig.transport.behaviour.connect = 'refuse'
  rig.pass(600)
  rig.transport.behaviour.connect = 'accept'
  let acknowledged = 0
  rig.transport.behaviour.acknowledges = () => ++acknowledged <= 2
  while (rig.device.diary.acknowledged < 2) rig.pass(1)
  rig.transport.lose()
  rig.transport.behaviour.acknowledges = () => true
  rig.pass(1200)
  expect(rig.device.waiting).toBe(0)
  const times = rig.of('report').map(({ nth }) => rig.of('acknowledged').filter((it) => it.nth === nth).length)
  expect(times.every((it) => it === 1)).toBe(true)
})

test('device has no more than its window under way', () => {
  const rig = createRig({ window: 2 })
  rig.transport.behaviour.connect = 'refuse'
  rig.pass(1800)
  rig.transport.behaviour.connect = 'accept'
  rig.transport.behaviour.acknowledges = () => false
  while (!rig.device.isConnected) rig.pass(1)
  expect(rig.transport.last().published).toHaveLength(2)
})

test('device loses the oldest report when its flash is full, and the truth says so', () => {
  const rig = createRig({ flashReports: 4 })
  rig.transport.behaviour.connect = 'refuse'
  rig.pass(600)
  expect(rig.device.waiting).toBe(4)
  expect(rig.of('dropped').map(({ nth, why }) => [nth, why])).toEqual(
    [0, 1, 2, 3, 4, 5].map((nth) => [nth, 'flash_full']),
  )
  expect(rig.device.diary.dropped).toBe(6)
})

test('device that starts again keeps its flash, counts its boot, and loses what stood in memory only', () => {
  const rig = createRig({ batch: 10 })
  rig.transport.behaviour.acknowledges = () => false
  rig.pass(630)
  expect(rig.device.waiting).toBe(1)
  const before = decoded(rig, rig.transport.reports()[0] as Sent)
  rig.device.suffer('reboot', 0)
  expect(rig.device.waiting).toBe(1)
  rig.transport.behaviour.acknowledges = () => true
  rig.pass(1300)
  const after = rig.transport.reports().map((it) => decoded(rig, it))
  const boot = before.boot as number
  expect(after.at(-1)).toMatchObject({ boot: boot + 1, sequence: 1 })
  expect(after.some((it) => it.boot === boot && it.sequence === 0)).toBe(true)
  expect(rig.device.waiting).toBe(0)
  // Half a batch was lost: the next one begins with the boot.
  expect(rig.of('report')[1]?.samples[0]?.takenAtMs).toBe(startMs + 630_000 + 60_000)
})

test('device whose count outlives its boots goes on counting when it starts again', () => {
  const rig = createRig({ boot: false })
  rig.pass(300)
  rig.device.suffer('reboot', 0)
  rig.pass(300)
  expect(sequences(rig)).toEqual(sequences(rig).map((_, i) => startMs + i))
})

test('device dies of a cell that sags when it transmits, and starts again', () => {
  let volts = 3
  const meter = { ...mainsMeter, volts: () => volts }
  const feeds = { radio: 'lora-backhaul', cell: 'alkaline-2aa' } as const
  const rig = createRig({ connection: 'wake', batch: 5, ...feeds }, countingSensor(), meter)
  rig.pass(400)
  expect(rig.device.diary.acknowledged).toBe(1)
  volts = 1.5
  rig.pass(600)
  expect(rig.device.diary.acknowledged).toBe(1)
  expect(rig.device.waiting).toBeGreaterThan(0)
  volts = 3
  rig.pass(2400)
  expect(rig.device.waiting).toBe(0)
  expect(rig.of('dropped')).toEqual([])
  const boots = new Set(rig.transport.reports().map((it) => decoded(rig, it).boot))
  expect(boots.size).toBeGreaterThan(1)
})

test('device is dead for ever when its cell is empty', () => {
  const meter = { ...mainsMeter, isEmpty: (atMs: number) => atMs > startMs + 1_000_000 }
  const rig = createRig({ connection: 'wake', batch: 5 }, countingSensor(), meter)
  rig.pass(3600)
  expect(rig.of('state').at(-1)).toMatchObject({ state: 'dead', untilMs: null })
  expect(rig.of('dropped').map(({ why }) => why)).toEqual(['death'])
  expect(rig.clock.nextMs()).toBeNull()
})

test('device that dies breaks its connection without a DISCONNECT', () => {
  const rig = createRig()
  rig.pass(100)
  rig.device.suffer('death', 0)
  expect(rig.transport.last()).toMatchObject({ isDropped: true, isEnded: false })
  const said = rig.truth.length
  rig.pass(3600)
  expect(rig.truth).toHaveLength(said)
})

test('device subscribes to its commands once when its session is kept', () => {
  const rig = createRig({ persistentSession: true, sampleEveryS: 600 })
  rig.pass(60)
  expect(rig.transport.last().options.clean).toBe(false)
  expect(rig.transport.last().subscribed).toEqual(['commands/home/d-0001/#'])
  rig.transport.behaviour.isSessionPresent = true
  rig.transport.lose()
  rig.pass(60)
  expect(rig.transport.connections).toHaveLength(2)
  expect(rig.transport.last().subscribed).toEqual([])
})

test('device has a will, is born on each connect, and says that it leaves when it is asked to', () => {
  const rig = createRig({ tellsStatus: true })
  rig.pass(120)
  const will = { topic: 'sensors/home/d-0001/status', payload: 'offline', qos: 1, retain: true }
  expect(rig.transport.last().options.will).toEqual(will)
  rig.device.leave()
  rig.pass(1)
  const words = rig.transport.last().published.filter(({ topic }) => topic === will.topic)
  expect(words.map(({ payload, retain }) => [payload.toString(), retain])).toEqual([
    ['online', true],
    ['offline', true],
  ])
  expect(rig.transport.last().isEnded).toBe(true)
  expect(rig.device.isGone).toBe(true)
})

test('device that is unplugged samples on, and brings it when it is plugged in', () => {
  const rig = createRig()
  rig.pass(100)
  rig.device.unplug()
  expect(rig.transport.last().isDropped).toBe(true)
  rig.pass(600)
  expect(rig.device.waiting).toBe(10)
  rig.device.plug()
  rig.pass(10)
  expect(rig.device.waiting).toBe(0)
})

test('device sends with QoS 0 once and forgets', () => {
  const rig = createRig({ qos: 0 })
  rig.pass(600)
  expect(rig.of('dropped').map(({ why }) => why)).toEqual(Array.from({ length: 10 }, () => 'qos_0'))
  expect(rig.transport.reports().every(({ packetId, qos }) => packetId === 0 && qos === 0)).toBe(true)
  expect(rig.device.diary.dropped).toBe(0)
})

test('device counts from 1970 when its clock is lost, and the truth knows that nobody can know the time', () => {
  const rig = createRig()
  rig.pass(600)
  rig.device.suffer('clock-1970', 0)
  rig.pass(300)
  const lost = decoded(rig, rig.transport.reports().at(-1) as Sent)
  expect(lost.readings[0]?.timeMs).toBeLessThan(300_001)
  expect(rig.of('report').at(-1)?.time.how).toBe('reckoned')
  rig.device.recover('clock-1970')
  rig.pass(60)
  expect(rig.of('report').at(-1)?.time.how).toBe('exact')
})

test('device does not compare times of two settings of its clock', () => {
  const rig = createRig()
  rig.device.suffer('clock-1970', 0)
  rig.transport.behaviour.connect = 'refuse'
  rig.pass(70)
  rig.device.recover('clock-1970')
  rig.transport.behaviour.connect = 'accept'
  rig.pass(400)
  const reports = rig.transport.reports().map((it) => decoded(rig, it))
  expect(reports[0]?.sentMs).toBeUndefined()
  expect(reports.at(-1)?.sentMs).toBeGreaterThan(startMs)
})

test('device whose clock runs fast is off by so much, and the truth says by how much', () => {
  const rig = createRig()
  rig.device.suffer('clock-skew', 1000)
  rig.pass(3600)
  const last = rig.of('report').at(-1)
  const takenAtMs = last?.samples[0]?.takenAtMs as number
  const { readings } = decoded(rig, rig.transport.reports().at(-1) as Sent)
  const offMs = (readings[0]?.timeMs as number) - takenAtMs
  expect(offMs).toBe(Math.round((takenAtMs - startMs) / 1000))
  expect(last?.time).toEqual({ how: 'reckoned', resolutionMs: 1 + offMs })
})

test.each(['json', 'value', 'packed', 'senml-cbor', 'text', 'csv', 'struct', 'cayenne-lpp', 'influx', 'cbor'] as const)(
  'device sends half of a report as %s when its firmware truncates, and expects the quarantine',
  (format) => {
    const quantity = format === 'text' ? { ...voltage, kind: 'text' as const, resolution: null } : voltage
    const rig = createRig({ format }, countingSensor([quantity]))
    rig.pass(90)
    rig.device.suffer('truncated', 0)
    rig.pass(60)
    rig.device.recover('truncated')
    rig.pass(60)
    expect(
      rig
        .of('report')
        .map(({ expect }) => expect)
        .slice(-2),
    ).toEqual(['quarantined', 'stored'])
    const packet = rig.transport.reports().at(-2) as Sent
    expect(() => decoded(rig, packet)).toThrow()
    expect(() => decoded(rig, rig.transport.reports().at(-1) as Sent)).not.toThrow()
  },
)

test('device without a clock says how long ago it was, anew each time it sends', () => {
  const rig = createRig({ clock: 'relative', batch: 2 })
  let lost = 0
  rig.transport.behaviour.acknowledges = () => ++lost > 1
  rig.pass(400)
  const [first, again] = rig.transport.reports() as [Sent, Sent]
  const taken = rig.of('report')[0]?.samples.map(({ takenAtMs }) => takenAtMs) as number[]
  for (const packet of [first, again]) {
    const { readings } = decoded(rig, packet)
    expect(readings.map(({ timeMs, timeBase }) => [timeBase, packet.atMs + timeMs])).toEqual(
      taken.map((it) => ['now', it]),
    )
  }
  expect(again.atMs).toBeGreaterThan(first.atMs)
})

test('device counts anew from 0 when it starts again, as counters in memory do', () => {
  const rig = createRig({}, countingSensor([tips]))
  rig.pass(300)
  rig.device.suffer('reboot', 0)
  rig.pass(180)
  const values = rig.of('report').map(({ samples }) => samples[0]?.values[0])
  expect(values).toEqual([1, 2, 3, 4, 5, 1, 2, 3])
})

test('device says nothing of a measurement that failed', () => {
  const sensor = { quantities: [voltage, { ...voltage, channel: 'other' }], sample: () => [Number.NaN, 3] }
  const rig = createRig({}, sensor)
  rig.pass(60)
  expect(rig.of('report')[0]?.samples[0]?.values).toEqual([null, 3])
  const { readings } = decoded(rig, rig.transport.reports()[0] as Sent)
  expect(readings.map(({ channel, value }) => [channel, value])).toEqual([['other', 3]])
})

test('every report of a device ends as acknowledged, dropped or still in flash, whatever happens to it', () => {
  const seed = Math.floor(Math.random() * 1e6)
  for (let run = 0; run < 20; run++) {
    const random = createRandom(seed + run)
    const format = (['json', 'packed', 'value', 'senml-cbor', 'csv'] as const)[random.below(5)] as Format
    const connection = random.fraction() < 0.5 ? 'held' : 'wake'
    const changes = {
      format,
      connection,
      batch: 1 + random.below(5),
      flashReports: 5 + random.below(20),
      window: 1 + random.below(4),
    } as const
    const rig = createRig({
      ...changes,
      persistentSession: random.fraction() < 0.5,
      tellsStatus: random.fraction() < 0.5,
    })
    const { behaviour } = rig.transport
    for (let step = 0; step < 400; step++) {
      rig.pass(random.exponential(90))
      behaviour.delayMs = random.below(3000)
      behaviour.connect = (['accept', 'accept', 'accept', 'refuse', 'silence'] as const)[random.below(5)] ?? 'accept'
      const loss = random.fraction()
      behaviour.acknowledges = () => random.fraction() > loss
      const what = random.below(12)
      if (what === 0) rig.device.suffer('reboot', 0)
      else if (what === 1 && rig.transport.connections.length > 0) rig.transport.lose()
      else if (what === 2) rig.device.suffer('brown-out', 0)
      else if (what === 3) rig.device.recover('brown-out')
      else if (what === 4) rig.device.suffer(random.fraction() < 0.5 ? 'clock-1970' : 'truncated', 0)
      else if (what === 5) rig.device.recover(random.fraction() < 0.5 ? 'clock-1970' : 'truncated')
      else if (what === 6) rig.device.unplug()
      else if (what <= 8) rig.device.plug()
    }
    const ends = [...rig.of('acknowledged'), ...rig.of('dropped')].map(({ nth }) => nth)
    const about = `seed ${seed}, run ${run}`
    expect(new Set(ends).size, about).toBe(ends.length)
    expect(ends.length + rig.device.waiting, about).toBe(rig.of('report').length)
    expect(rig.of('acknowledged').length, about).toBe(rig.device.diary.acknowledged)
    const sentFirst = new Set(rig.of('sent').map(({ nth }) => nth))
    expect(
      rig.of('acknowledged').every(({ nth }) => sentFirst.has(nth)),
      about,
    ).toBe(true)
    rig.device.end()
    expect(rig.of('acknowledged').length + rig.of('dropped').length, about).toBe(rig.of('report').length)
    // Of one boot a sequence means one report, which is what the first reading says.
    const said = new Map<string, string>()
    for (const packet of rig.transport.reports()) {
      const reports = createCodec(rig.wire.layout.options).decode(packet.payload, {
        topic: packet.topic,
        memory: createMemory(),
      })
      if (isProblem(reports) || reports[0]?.sequence === undefined) continue
      const { boot = 0, sequence, readings } = reports[0]
      const key = `${boot}/${sequence}`
      const value = String(readings[0]?.value)
      expect(said.get(key) ?? value, `${about}, ${key}`).toBe(value)
      said.set(key, value)
    }
  }
})
