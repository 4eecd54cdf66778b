/** The newest quarantined messages. Everything here was sent by someone unknown, so it is only ever set as text. */
import { getQuarantine, type Quarantined, serverNowMs } from './api.ts'
import { byId, element, setNotice, setText } from './dom.ts'
import { formatCount, formatPayload, formatTime } from './format.ts'

const newest = 20

function item(message: Quarantined): HTMLLIElement {
  const payload = formatPayload(message.payload)
  const time = element('time', 'quarantine-time', formatTime(Date.parse(message.time), serverNowMs()))
  time.dateTime = message.time
  const bytes = element('span', 'quarantine-bytes', `${formatCount(payload.bytes)} bytes, ${payload.kind}`)
  const from = element('span', 'quarantine-client', 'from ', element('bdi', '', message.client || 'unknown client'))
  const made = element(
    'li',
    'quarantined',
    element('div', 'quarantine-head', element('code', 'quarantine-code', message.code), time),
    element('bdi', 'quarantine-topic', message.topic),
    element('p', 'quarantine-reason', message.reason),
    element('div', 'quarantine-payload', element('code', '', element('bdi', '', payload.excerpt)), bytes, from),
  )
  made.dataset.id = String(message.id)
  return made
}

export function createQuarantineList() {
  const details = byId<HTMLDetailsElement>('quarantine')
  const notice = byId('quarantine-notice')
  let counted = -1
  let isLoading = false

  const load = async () => {
    if (isLoading) return
    isLoading = true
    try {
      const messages = await getQuarantine(newest)
      byId('quarantine-list').replaceChildren(...messages.map(item))
      setNotice(notice, messages.length > 0 ? null : { title: 'Nothing is in quarantine.' })
    } catch (error) {
      const hint = error instanceof Error ? error.message : String(error)
      const title = 'The quarantine could not be loaded.'
      setNotice(notice, { title, hint, kind: 'problem', action: ['Try again', () => void load()] })
    } finally {
      isLoading = false
    }
  }

  details.addEventListener('toggle', () => {
    if (details.open) void load()
  })

  return {
    /** The counter tells when there is something new, so the list is only asked for then, and only while it is open. */
    setCount(count: number): void {
      setText(byId('quarantine-count'), count === 0 ? 'none' : formatCount(count))
      const isNew = count !== counted
      counted = count
      if (isNew && details.open) void load()
    },
  }
}
