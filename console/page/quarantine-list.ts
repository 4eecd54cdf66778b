/** The newest quarantined messages, by reason if wanted, and what can be done about them. */
import { getQuarantine, getQuarantineCodes, type Quarantined } from './api.ts'
import { byId, element, setNotice, setText } from './dom.ts'
import { formatCount } from './format.ts'
import { previewItems, replayItems } from './quarantine-actions.ts'
import { createQuarantineItem, type QuarantineItem } from './quarantine-item.ts'

const newestFew = 20
const newestMany = 200

export function createQuarantineList() {
  const details = byId<HTMLDetailsElement>('quarantine')
  const list = byId('quarantine-list')
  const notice = byId('quarantine-notice')
  const filter = byId<HTMLSelectElement>('quarantine-code')
  const result = byId('quarantine-result')
  const more = byId<HTMLButtonElement>('quarantine-more')
  const items = new Map<string, QuarantineItem>()
  let counted = -1
  let newest = newestFew
  let isBusy = false
  /** Only the answer to the last question is shown. */
  let question = 0

  const shown = () => [...list.children].flatMap((it) => items.get((it as HTMLElement).dataset.id ?? '') ?? [])

  /** One action at a time; what came of it stands in one line, and is spoken. */
  async function act(run: (say: (text: string) => void) => Promise<string>): Promise<void> {
    if (isBusy) return
    isBusy = true
    const say = (text: string) => setText(result, text)
    result.dataset.kind = 'busy'
    try {
      say(await run(say))
      result.dataset.kind = 'done'
    } catch (error) {
      say(error instanceof Error ? error.message : String(error))
      result.dataset.kind = 'problem'
    } finally {
      isBusy = false
    }
  }
  const preview = (of: QuarantineItem[]) => act(() => previewItems(of))
  const replay = (of: QuarantineItem[]) => act((say) => replayItems(of, say).finally(reload))

  /** Now, and with the next count: as many may come as leave. */
  function reload(): Promise<void> {
    counted = -1
    return load()
  }

  /** Items that stay are not moved, so that neither the focus nor what was opened is lost. */
  function show(messages: Quarantined[]): void {
    const wanted = new Set(messages.map((it) => it.id))
    for (const [id, item] of items) {
      if (wanted.has(id)) continue
      if (item.element.contains(document.activeElement)) result.focus()
      item.element.remove()
      items.delete(id)
    }
    messages.forEach((message, i) => {
      const known = items.get(message.id)
      known?.update(message)
      const actions = {
        preview: (it: QuarantineItem) => void preview([it]),
        replay: (it: QuarantineItem) => void replay([it]),
      }
      const item = known ?? createQuarantineItem(message, actions)
      items.set(message.id, item)
      if (list.children[i] !== item.element) list.insertBefore(item.element, list.children[i] ?? null)
    })
  }

  function showCodes(codes: Record<string, number>): void {
    const total = Object.values(codes).reduce((sum, count) => sum + count, 0)
    const chosen = filter.value
    // The chosen one stays even when its last message has gone: the list then says so.
    const names = [...new Set([...Object.keys(codes), ...(chosen === '' ? [] : [chosen])])].toSorted()
    const option = (value: string, label: string, count: number) => {
      const made = element('option', '', `${label} (${formatCount(count)})`)
      made.value = value
      return made
    }
    const options = [option('', 'every reason', total), ...names.map((name) => option(name, name, codes[name] ?? 0))]
    const text = (all: Iterable<Element>) => [...all].map((it) => it.textContent).join()
    if (text(filter.options) === text(options)) return
    filter.replaceChildren(...options)
    filter.value = chosen
  }

  async function load(): Promise<void> {
    const asked = ++question
    try {
      const [messages, codes] = await Promise.all([getQuarantine(newest, filter.value), getQuarantineCodes()])
      if (asked !== question) return
      show(messages)
      showCodes(codes)
      byId('quarantine-tools').hidden = Object.keys(codes).length === 0 && filter.value === ''
      byId('quarantine-all').hidden = messages.length < 2
      more.hidden = newest === newestMany || messages.length < newest
      const title = filter.value === '' ? 'Nothing is in quarantine.' : 'Nothing is in quarantine for this reason.'
      setNotice(notice, messages.length > 0 ? null : { title })
    } catch (error) {
      if (asked !== question) return
      const hint = error instanceof Error ? error.message : String(error)
      const title = 'The quarantine could not be loaded.'
      setNotice(notice, { title, hint, kind: 'problem', action: ['Try again', () => void load()] })
    }
  }

  details.addEventListener('toggle', () => {
    if (details.open) void load()
  })
  filter.addEventListener('change', () => void load())
  more.addEventListener('click', () => {
    newest = newestMany
    void load()
  })
  byId('quarantine-preview-all').addEventListener('click', () => void preview(shown()))
  byId('quarantine-replay-all').addEventListener('click', () => void replay(shown()))

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
