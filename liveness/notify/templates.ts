/**
 * From what is to be told to typed content: title, text, severity, value, picture, actions. Plain text throughout: each format escapes
 * it for itself.
 */
import type { Notification, NotifierConfig, Severity } from '../../telemetry/alert.ts'
import { limits } from '../../telemetry/limits.ts'
import { type ActionLinks, type AlertAction, alertActions } from './actions.ts'
import { drawChart } from './chart.ts'
import { cut, lines, oneLine } from './escape.ts'
import { type Parcel, subjectOf, type Told } from './parcel.ts'

export type ContentAction = { action: AlertAction; title: string; url: string }

export type Content = {
  /** One line. */
  title: string
  text: string
  severity: Severity
  /** All that it tells of is over. */
  isOver: boolean
  /** Where the page shows it; '' when nobody has said where that is. */
  url: string
  value: number | null
  unit: string
  /** PNG. */
  chart: Uint8Array | null
  actions: ContentAction[]
  /** The same for all that is told of one alert: a newer one takes the place of the older one. */
  thread: string
  /** Notifications that it tells. */
  told: Told[]
}

export type Templates = { contentOf(parcel: Parcel): Content }

export type TemplateOptions = {
  config: Pick<NotifierConfig, 'name' | 'title' | 'text'>
  /** Without a slash at its end, or ''. */
  publicUrl: string
  links: ActionLinks
  nowMs: () => number
}

const actionTitles: { [action in AlertAction]: string } = { acknowledge: 'Acknowledge', mute: 'Mute 1 h' }
const ranks: { [severity in Severity]: number } = { info: 0, warning: 1, critical: 2 }
const usualTitle = '{title}'
const usualText = '{why}\n{severity}, since {since}'

const kindPrefix = ({ notification: { kind }, isWhole }: Told): string => {
  if (isWhole) return 'Came and went: '
  return { fired: '', resolved: 'Over: ', escalated: 'Not acknowledged: ', reminder: 'Still: ', test: 'Test: ' }[kind]
}

const isoMinute = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** `{name}` becomes its value; what a value holds is never taken for a name. */
const fill = (template: string, values: { [name: string]: string }): string =>
  template.replace(
    /\{([a-z]+)\}/g,
    (whole, name: string) => (Object.hasOwn(values, name) ? values[name] : whole) as string,
  )

export function createTemplates({ config, publicUrl, links, nowMs }: TemplateOptions): Templates {
  const urlOf = ({ alert }: Notification) =>
    publicUrl === '' ? '' : `${publicUrl}/#/alerts/${encodeURIComponent(alert.id)}`

  function valuesOf(notification: Notification): { [name: string]: string } {
    const { alert } = notification
    return {
      ...subjectOf(alert),
      title: alert.title,
      why: alert.why,
      severity: alert.severity,
      value: alert.value === null ? '' : String(alert.value),
      unit: alert.unit,
      rule: alert.rule,
      since: isoMinute(alert.beganAtMs),
      url: urlOf(notification),
    }
  }

  const titleOf = (told: Told) =>
    cut(
      oneLine(kindPrefix(told) + fill(config.title === '' ? usualTitle : config.title, valuesOf(told.notification))),
      limits.notificationTitleCharsMax,
    )

  function single(told: Told): Content {
    const { notification } = told
    const { alert, chart, kind } = notification
    const isOver = kind === 'resolved'
    const over = alert.resolvedAtMs === null ? '' : `\nOver since ${isoMinute(alert.resolvedAtMs)}.`
    const text = fill(config.text === '' ? usualText : config.text, valuesOf(notification)) + (isOver ? over : '')
    const actions = isOver || kind === 'test' || alert.acknowledged !== null ? [] : alertActions
    return {
      title: titleOf(told),
      text: cut(lines(text), limits.notificationTextCharsMax),
      severity: alert.severity,
      isOver,
      url: urlOf(notification),
      value: alert.value,
      unit: alert.unit,
      chart: chart === null ? null : drawChart(chart),
      actions: actions
        .map((action) => ({
          action,
          title: actionTitles[action],
          url: links.url(alert.id, action, config.name, nowMs()),
        }))
        .filter(({ url }) => url !== ''),
      thread: alert.id,
      told: [told],
    }
  }

  function digest({ told, dropped, reason }: Parcel): Content {
    const alerts = `${told.length} alerts`
    const named = told.slice(0, limits.digestLinesMax)
    const text = [
      ...named.map((it) => `${it.notification.alert.severity}: ${titleOf(it)}`),
      ...(told.length > named.length ? [`and ${told.length - named.length} more`] : []),
      ...(dropped > 0 ? [`${dropped} older ones were dropped`] : []),
    ].join('\n')
    const severities = told.map(({ notification }) => notification.alert.severity)
    const worst = severities.reduce((one, other) => (ranks[other] > ranks[one] ? other : one))
    return {
      title: reason === 'unreachable' ? `${alerts} while you could not be reached` : `${alerts} at once`,
      text: cut(text, limits.notificationTextCharsMax),
      severity: worst,
      isOver: told.every(({ notification }) => notification.kind === 'resolved'),
      url: publicUrl === '' ? '' : `${publicUrl}/#/alerts`,
      value: null,
      unit: '',
      chart: null,
      actions: [],
      thread: 'digest',
      told,
    }
  }

  return {
    contentOf(parcel) {
      const [first] = parcel.told
      return parcel.told.length === 1 && first !== undefined ? single(first) : digest(parcel)
    },
  }
}
