/** What can be done about quarantined messages. Each answers one line that says what came of it. */
import { getQuarantined, previewQuarantined, replayQuarantined } from './api.ts'
import { formatCount } from './format.ts'
import type { QuarantineItem } from './quarantine-item.ts'

/** Ingest decides within a second unless the store is away; then the messages wait like any other. */
const decidedWithinMs = 6_000
const lookEveryMs = 300

const idsOf = (items: QuarantineItem[]) => items.map((it) => it.message.id)
const messages = (count: number) => `${formatCount(count)} ${count === 1 ? 'message' : 'messages'}`
/** Leaves out what does not apply. */
const sentence = (...parts: Array<[count: number, text: string]>) =>
  `${parts.flatMap(([count, text]) => (count > 0 ? text : [])).join(', ')}.`

export async function previewItems(items: QuarantineItem[]): Promise<string> {
  const { previews, remaining, unknown } = await previewQuarantined(idsOf(items))
  let points = 0
  let staying = 0
  for (const preview of previews) {
    items.find((it) => it.message.id === preview.id)?.showPreview(preview)
    if ('points' in preview) points += preview.points.length
    else staying++
  }
  const going = previews.length - staying
  return sentence(
    [going, `${messages(going)} would go, with ${formatCount(points)} ${points === 1 ? 'point' : 'points'}`],
    [staying, `${messages(staying)} would stay`],
    [remaining, `${messages(remaining)} not looked at`],
    [unknown.length, `${messages(unknown.length)} no longer there`],
  )
}

export async function replayItems(items: QuarantineItem[], say: (text: string) => void): Promise<string> {
  const before = new Map(items.map(({ message }) => [message.id, message.decidedAt]))
  say(`Sending ${messages(items.length)} through the routes of now…`)
  const { replayed, remaining, unknown } = await replayQuarantined([...before.keys()])
  if (replayed === 0 && remaining > 0) throw new Error('Nothing was replayed: the journal is full. Try again later.')

  const expected = before.size - unknown.length - remaining
  for (const until = performance.now() + decidedWithinMs; ; ) {
    const kept = await getQuarantined([...before.keys()])
    const gone = before.size - kept.length - unknown.length
    const stays = kept.filter((it) => it.decidedAt !== before.get(it.id)).length
    const open = expected - gone - stays
    if (open <= 0 || performance.now() > until) {
      return sentence(
        [gone, `${messages(gone)} left the quarantine`],
        [stays, `${messages(stays)} still cannot be stored, see the reason`],
        [open, `${messages(open)} on the way, not decided yet`],
        [remaining, `${messages(remaining)} not sent: the journal is full`],
        [unknown.length, `${messages(unknown.length)} had left before`],
      )
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}
