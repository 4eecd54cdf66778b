/**
 * What a link in a notification opens: GET asks, POST acts. Mail scanners follow every link, and so must change nothing. The token is
 * all that is needed, as the link may be opened on a phone that knows nothing else of us; so it counts for one action on one alert.
 *
 * Unlike the other POSTs it asks for no origin. A hostile page can make a browser send a request, and gains by that what the browser
 * adds by itself: a cookie, a network it stands in. Nothing of that counts here, only the token, which such a page cannot guess
 * (HMAC-SHA256) nor read (our answers have no CORS header), and whoever has it needs no browser of somebody else. An origin would keep
 * out our own: this form has `Origin: null` since the page tells no referrer [Fetch §3.2], and a button of ntfy has that of its server.
 * That nobody is made to press the button unseen in a frame: `frame-ancestors 'none'` (console.ts).
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { html } from '../telemetry/html.ts'
import { limits } from '../telemetry/limits.ts'
import type { Alerting, AlertingDoor } from './alerting.ts'
import { alertingOf } from './alerts.ts'

type Params = { '*': string }
const labels = { acknowledge: 'Acknowledge', mute: 'Mute for 1 hour' }

export function addAct(app: FastifyInstance, door: AlertingDoor): void {
  app.get<{ Params: Params }>('/act/*', async ({ params }, reply) => {
    const found = find(alertingOf(door), params['*'])
    if ('problem' in found) return page(reply, 410, 'This link cannot be used', found.problem, null)
    return page(reply, 200, found.title, found.why, labels[found.action])
  })

  app.register(async (scope) => {
    // A form sends this, and nothing in it counts.
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, _body, done) =>
      done(null, {}),
    )
    scope.post<{ Params: Params }>('/act/*', { bodyLimit: limits.actBodyBytesMax }, async ({ params }, reply) => {
      const alerting = alertingOf(door)
      const found = find(alerting, params['*'])
      if ('problem' in found) return page(reply, 410, 'This link cannot be used', found.problem, null)
      const { id, action, by } = found
      const untilMs = Date.now() + limits.actionMuteMs
      const done =
        action === 'mute' ? await alerting.alerts.mute(id, by, untilMs) : await alerting.alerts.acknowledge(id, by, '')
      if (done === null) return page(reply, 410, found.title, 'This alert is over.', null)
      return page(reply, 200, found.title, action === 'mute' ? 'Muted for 1 hour.' : 'Acknowledged.', null)
    })
  })
}

function find({ alerts, notifiers }: Alerting, token: string) {
  const granted = notifiers.actionLinks.verify(token, Date.now())
  if ('code' in granted) return { problem: granted.detail }
  const alert = alerts.list().find(({ id }) => id === granted.alert)
  if (alert === undefined || alert.state === 'resolved') return { problem: 'The alert is over.' }
  const { id, title, why } = alert
  return { id, title, why, action: granted.action, by: granted.by }
}

function page(reply: FastifyReply, status: number, title: string, text: string, button: string | null): FastifyReply {
  const form = button === null ? '' : `<form method="post"><button class="button">${button}</button></form>`
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dewpoint</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<link rel="icon" href="/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="/page.css"></head><body class="act"><h1>${html(title)}</h1><p>${html(text)}</p>${form}
<p><a href="/">All devices</a></p></body></html>`)
}
