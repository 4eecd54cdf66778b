/** Alerts, firing ones first and those of which nobody was told apart; who did what; and the notifiers. */

import { createAlertItem } from './alert-item.ts'
import * as api from './alerts-api.ts'
import { serverNowMs } from './api.ts'
import { byId, element, setNotice, setText } from './dom.ts'
import { formatCount, formatTime } from './format.ts'

const everyMs = 5_000

export function createAlertsList() {
  const details = byId<HTMLDetailsElement>('alerts')
  const result = byId('alerts-result')
  let drawn = ''
  let isBusy = false

  /** One action at a time; what came of it stands in one line, and is spoken. */
  async function act(run: () => Promise<string>): Promise<void> {
    if (isBusy) return
    isBusy = true
    try {
      setText(result, await run())
      result.dataset.kind = 'done'
    } catch (error) {
      setText(result, error instanceof Error ? error.message : String(error))
      result.dataset.kind = 'problem'
    } finally {
      isBusy = false
    }
    await load()
  }

  const actions = {
    acknowledge: ({ id, title }: api.Alert) =>
      void act(async () => {
        await api.acknowledge(id)
        return `Acknowledged: ${title}`
      }),
    mute: ({ id, title }: api.Alert, duration: string) =>
      void act(async () => {
        await api.mute(id, duration)
        return `Muted for ${duration}: ${title}`
      }),
    unmute: ({ id, title }: api.Alert) =>
      void act(async () => {
        await api.unmute(id)
        return `Not muted any more: ${title}`
      }),
  }

  function show(alerts: api.Alert[]): void {
    // An equal list is left as it is, so that the focus is too.
    const text = JSON.stringify(alerts)
    if (text === drawn) return
    drawn = text
    const focused = document.activeElement
    const isWithin = focused !== null && details.contains(focused) && focused.closest('.alert') !== null
    const told = alerts.filter((it) => it.suppressed === null)
    const untold = alerts.filter((it) => it.suppressed !== null)
    byId('alerts-told').replaceChildren(...told.map((it) => createAlertItem(it, actions)))
    byId('alerts-untold').replaceChildren(...untold.map((it) => createAlertItem(it, actions)))
    byId('alerts-untold-box').hidden = untold.length === 0
    if (isWithin) result.focus()
  }

  function showNotifiers(all: api.NotifierStatus[]): void {
    const items = all.map(({ name, type, queued, sent, failed, lastError }) => {
      const text = `${type}, ${formatCount(sent)} sent, ${formatCount(queued)} waiting, ${formatCount(failed)} failed`
      const button = element('button', 'link-button', 'Send a test')
      button.type = 'button'
      button.setAttribute('aria-label', `Send a test to ${name}`)
      button.addEventListener(
        'click',
        () =>
          void act(async () => {
            const { ok, detail } = await api.testNotifier(name)
            if (!ok) throw new Error(`${name}: ${detail}`)
            return `${name}: ${detail}`
          }),
      )
      const error = lastError === null ? [] : [element('span', 'alert-why', `last: ${lastError}`)]
      return element('li', 'notifier', element('b', '', name), ` ${text} `, ...error, ' ', button)
    })
    byId('notifiers').replaceChildren(...items)
  }

  async function showRest(alerts: api.Alert[]): Promise<void> {
    // People know alerts by what they say; one that is gone from the list has its id left.
    const titles = new Map(alerts.map(({ id, title }) => [id, title]))
    const [notifiers, audit] = await Promise.all([api.getNotifiers(), api.getAudit()])
    if (!byId('notifiers').contains(document.activeElement)) showNotifiers(notifiers)
    const nowMs = serverNowMs()
    byId('audit').replaceChildren(
      ...audit.map(({ at, by, action, on, detail }) =>
        element(
          'li',
          '',
          `${formatTime(Date.parse(at), nowMs)} ${[by, action, titles.get(on) ?? on, detail].filter(Boolean).join(' · ')}`,
        ),
      ),
    )
  }

  async function load(): Promise<void> {
    if (document.hidden) return
    try {
      const alerts = await api.getAlerts()
      if (alerts === null) {
        setText(byId('alerts-count'), 'not known yet')
        if (details.open)
          setNotice(byId('alerts-notice'), { title: 'Alerts are not known yet: Dewpoint has just started.' })
        return
      }
      const firing = alerts.filter((it) => it.state === 'firing' && it.suppressed === null).length
      setText(byId('alerts-count'), firing === 0 ? 'none firing' : `${formatCount(firing)} firing`)
      details.dataset.firing = String(firing > 0)
      if (!details.open) return
      show(alerts)
      await showRest(alerts)
      setNotice(byId('alerts-notice'), alerts.length > 0 ? null : { title: 'No alert stands, and none did lately.' })
    } catch (error) {
      if (!details.open) return
      const hint = error instanceof Error ? error.message : String(error)
      const title = 'Alerts could not be loaded.'
      setNotice(byId('alerts-notice'), { title, hint, kind: 'problem', action: ['Try again', () => void load()] })
    }
  }

  details.addEventListener('toggle', () => void load())
  document.addEventListener('visibilitychange', () => void load())
  setInterval(load, everyMs)
  void load()

  return {
    /** Opens the list, where an address or a notification leads to it. */
    async open(id: string | null): Promise<void> {
      details.open = true
      await load()
      const item = id === null ? null : document.getElementById(`alert-${id}`)
      if (item === null) details.scrollIntoView({ block: 'start' })
      else item.scrollIntoView({ block: 'center' })
    },
  }
}
