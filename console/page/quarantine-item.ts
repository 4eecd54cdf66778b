/** One quarantined message. Everything here was sent by someone unknown, so it is only ever set as text. */
import { type Preview, type Quarantined, serverNowMs } from './api.ts'
import { element, setText } from './dom.ts'
import { formatCount, formatPayload, formatTime } from './format.ts'

const previewLinesMax = 50

export type QuarantineItem = {
  element: HTMLLIElement
  message: Quarantined
  /** It was decided again, and stays. */
  update(message: Quarantined): void
  showPreview(preview: Preview): void
}

export function createQuarantineItem(
  given: Quarantined,
  actions: { preview(item: QuarantineItem): void; replay(item: QuarantineItem): void },
): QuarantineItem {
  const payload = formatPayload(given.payload)
  const time = element('time', 'quarantine-time', formatTime(Date.parse(given.time), serverNowMs()))
  time.dateTime = given.time
  const code = element('code', 'quarantine-code', given.code)
  const topic = element('bdi', 'quarantine-topic', given.topic)
  topic.id = `quarantined-${given.id}`
  const reason = element('p', 'quarantine-reason', given.reason)
  const bytes = element('span', 'quarantine-bytes', `${formatCount(payload.bytes)} bytes, ${payload.kind}`)
  const from = element('span', 'quarantine-client', 'from ', element('bdi', '', given.client || 'unknown client'))
  const preview = element('pre', 'quarantine-preview')
  preview.hidden = true

  const button = (label: string, run: () => void) => {
    const made = element('button', 'link-button', label)
    made.type = 'button'
    // Many buttons say the same: the topic tells a screen reader which one this is.
    made.setAttribute('aria-describedby', topic.id)
    made.addEventListener('click', run)
    return made
  }
  const download = element('a', '', 'Download payload')
  download.href = `/api/quarantine/${encodeURIComponent(given.id)}/payload`
  download.download = ''
  download.setAttribute('aria-describedby', topic.id)

  const made = element(
    'li',
    'quarantined',
    element('div', 'quarantine-head', code, time),
    topic,
    reason,
    element('div', 'quarantine-payload', element('code', '', element('bdi', '', payload.excerpt)), bytes, from),
    element(
      'div',
      'quarantine-actions',
      button('Show what the routes of now make of it', () => actions.preview(item)),
      button('Replay', () => actions.replay(item)),
      download,
    ),
    preview,
  )
  made.dataset.id = given.id

  const item: QuarantineItem = {
    element: made,
    message: given,
    update(message) {
      if (message.decidedAt === item.message.decidedAt) return
      item.message = message
      setText(code, message.code)
      setText(reason, message.reason)
      preview.hidden = true
    },
    showPreview(it) {
      setText(preview, describe(it))
      preview.dataset.kind = 'points' in it ? 'points' : 'problem'
      preview.hidden = false
    },
  }
  return item
}

function describe(preview: Preview): string {
  if ('code' in preview) return `stays: ${preview.code}: ${preview.detail}`
  const { points, notes } = preview
  if (points.length === 0 && notes.length === 0) return 'would go: the routes of now take it, and it holds no reading'
  const more = points.length > previewLinesMax ? [`… and ${formatCount(points.length - previewLinesMax)} more`] : []
  return [...points.slice(0, previewLinesMax), ...more, ...notes].join('\n')
}
