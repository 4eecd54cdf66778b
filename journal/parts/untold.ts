/**
 * What parts hold and the order does not know: it was acknowledged, and a crash came before the order was synced. It is
 * told now, that of several parts by the receive times, which are those of one clock.
 */
import { limits } from '../../telemetry/limits.ts'
import { MessageKind } from '../../telemetry/message.ts'
import { openReader } from '../reader.ts'
import type { End } from '../segment.ts'

export type Untold = { part: number; folder: string; from: End; to: End }

/** Calls grew() for each part, in steps. */
export async function tellAll(untold: Untold[], grew: (part: number, end: End) => void): Promise<void> {
  if (untold.length > 1) {
    const steps = (await Promise.all(untold.map(stepsOf))).flat()
    // Within a step the main process comes first: it tells of connections, and others of what comes by them.
    steps.sort((a, b) => a.step - b.step || a.part - b.part)
    for (const { part, end } of steps) grew(part, end)
  }
  for (const { part, to } of untold) grew(part, to)
}

const stepOf = (receivedAtUs: number) => Math.floor(receivedAtUs / (limits.orderEveryMs * 1000))

/** Ends between records, each with the step that the records before it belong to; not that behind the last record. */
async function stepsOf({ part, folder, from, to }: Untold): Promise<Array<{ part: number; step: number; end: End }>> {
  const steps: Array<{ part: number; step: number; end: End }> = []
  const reader = openReader(folder, { durable: () => to.position, isExact: true, grown: async () => {} }, from.position)
  try {
    let before = from
    for (;;) {
      const { records, damagedBytes } = await reader.read()
      if (records.length === 0 && damagedBytes === 0) return steps
      for (const { kind, position, ordinal, receivedAtUs } of records) {
        const step = stepOf(before.receivedAtUs)
        // The clock may be set back; the part's own order counts.
        if (before !== from && step !== stepOf(receivedAtUs)) {
          steps.push({ part, step: Math.max(step, steps.at(-1)?.step ?? 0), end: { ...before, position } })
        }
        before = { position, ordinal: kind === MessageKind.publish ? ordinal : before.ordinal, receivedAtUs }
      }
    }
  } finally {
    await reader.close()
  }
}
