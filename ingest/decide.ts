/**
 * The steps between a record and its points: route ─▶ decode ─▶ known? ─▶ time ─▶ value. A function of the record and of
 * what the records before it left in the state.
 */
import type { Counters } from '../telemetry/counters.ts'
import type { MessageProblem } from '../telemetry/errors.ts'
import { type DisconnectDetails, MessageKind, type Record } from '../telemetry/message.ts'
import type { Point } from '../telemetry/point.ts'
import { isProblem, type Reading, type Report } from '../telemetry/reading.ts'
import type { Route } from '../telemetry/route.ts'
import { createOrder } from './order.ts'
import { createPoints, type Decision, type Points } from './points.ts'
import { createRouter, type Router } from './route.ts'
import type { State } from './state.ts'
import { newestOf, timeOf } from './time.ts'

/** How a message ended. A problem may leave points all the same: those of its readings that have none. */
export type Outcome = 'stored' | 'duplicate' | MessageProblem

export type Decider = {
  /** Points are added to `into`; the message's own outcome is the answer. */
  decide(record: Record, into: Point[]): Outcome
  /** A quarantined message: it is no duplicate, and what was counted about it is not counted again. */
  decideAgain(record: Record, into: Point[]): Outcome
  /** As the first run did with a message of the past: only for what follows from it; no points, and nothing is told again. */
  rebuild(record: Record, isAgain: boolean): void
  /** Only what the window must know of a message that came before what is known now. */
  remember(record: Record): void
  /** A client left. */
  left(record: Record): void
  /** Call it with the position of each record first; `isPast`: it will only be remembered. */
  moveTo(position: number, isPast: boolean): void
  router(): Router
  setRoutes(routes: Route[]): void
  fresh: Points['fresh']
}

/** What a report without readings says for the table of duplicates.ts. */
const silence: Reading = { channel: '', value: '', unit: '', timeBase: 'none', timeMs: 0 }

export function createDecider(routes: Route[], state: State, counters: Counters): Decider {
  const order = createOrder(state, counters)
  const points = createPoints(counters)
  let router = createRouter(routes, state)
  let decisions = 0

  function decide(record: Record, into: Point[], isAgain: boolean, isQuiet: boolean): Outcome {
    const routed = router.find(record.topic)
    if (isProblem(routed)) return routed
    const reports = routed.decode(record.payload, { topic: record.topic, memory: state.memory })
    if (isProblem(reports)) return reports
    const decision: Decision = { record, routed, number: ++decisions, into, isAgain, isQuiet }
    let repeated = 0
    let problem: MessageProblem | null = null
    for (let i = 0; i < reports.length; i++) {
      const outcome = takeReport(decision, reports[i] as Report)
      if (outcome === 'duplicate') repeated++
      else if (outcome !== 'stored') problem ??= outcome
    }
    return problem ?? (repeated > 0 && repeated === reports.length ? 'duplicate' : 'stored')
  }

  function takeReport(decision: Decision, given: Report): Outcome {
    const { record, routed, isAgain, isQuiet } = decision
    const report = withReading(given)
    if (report === null) return 'stored'
    const newest = newestOf(report, (report.readings[0] as Reading).timeBase)
    const { verdict, placed } = order.judge(record, routed, report, newest)
    if (verdict === 'repeated' && !isAgain) {
      order.countCopy(record, routed, placed, newest)
      return 'duplicate'
    }
    const time = timeOf(record, report, newest, routed.route, routed.known.clocks)
    if (verdict !== 'repeated') order.enter(record, routed, report, placed, time, isQuiet)
    if (report !== given) return 'stored'
    return points.add(decision, verdict === 'altered' ? byOrdinal(report) : report, newest, time) ?? 'stored'
  }

  /** A report that only counts (its device died, or measured nothing) has its place in the sequence all the same. */
  function withReading(report: Report): Report | null {
    if (report.readings.length > 0) return report
    return report.sequence === undefined ? null : { ...report, readings: [silence] }
  }

  /** Its sequence is taken, so its place in the journal must keep its points apart. */
  function byOrdinal({ sequence: _, ...report }: Report): Report {
    return report
  }

  return {
    decide: (record, into) => decide(record, into, false, false),
    decideAgain: (record, into) => decide(record, into, true, false),
    rebuild: (record, isAgain) => void decide(record, [], isAgain, true),
    remember(record) {
      const routed = router.find(record.topic)
      if (isProblem(routed)) return
      const reports = routed.decode(record.payload, { topic: record.topic, memory: state.memoryOfThePast })
      if (isProblem(reports)) return
      for (const given of reports) {
        const report = withReading(given)
        if (report !== null) order.remember(record, routed, report)
      }
    },
    left(record) {
      if (record.kind !== MessageKind.disconnect) return
      const { reason } = JSON.parse(record.payload.toString()) as DisconnectDetails
      if (reason === 'client') order.left(record.client, record.position)
    },
    moveTo: order.moveTo,
    router: () => router,
    setRoutes(next) {
      router = createRouter(next, state)
    },
    fresh: points.fresh,
  }
}
