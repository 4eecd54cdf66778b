/** Notifications by e-mail: text and HTML with the picture in it. What is told of one alert is one conversation. */
import { createHash } from 'node:crypto'
import { getSystemErrorName } from 'node:util'
import { createTransport, type SendMailOptions } from 'nodemailer'
import type { NotifierConfig } from '../../telemetry/alert.ts'
import { html } from '../../telemetry/html.ts'
import { limits } from '../../telemetry/limits.ts'
import { oneLine } from './escape.ts'
import { failed, keyOf, type Outcome, rejected, type Sender, sent, within } from './parcel.ts'
import type { Content, Templates } from './templates.ts'

type SmtpConfig = Extract<NotifierConfig, { type: 'smtp' }>

const chartId = 'chart@dewpoint'

export function createSmtp(config: SmtpConfig, templates: Templates): Sender {
  const { hostname, password, searchParams } = new URL(config.url)
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  const transport = createTransport({
    url: config.url,
    // A password crosses a network within TLS only.
    ...(password !== '' && !isLocal && !searchParams.has('requireTLS') ? { requireTLS: true } : {}),
    connectionTimeout: limits.notifierTryMsMax,
    greetingTimeout: limits.notifierTryMsMax,
    socketTimeout: limits.notifierTryMsMax,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  async function send(content: Content): Promise<Outcome> {
    try {
      await transport.sendMail({ from: config.from, to: config.to, ...mailOf(content) })
      return sent
    } catch (error) {
      return outcomeOf(error)
    }
  }

  return {
    takesDigests: true,
    async deliver(parcel) {
      // A server that says a word now and then resets the time-outs above.
      return within(limits.notifierTryMsMax, send(templates.contentOf(parcel)))
    },
    async close() {
      transport.close()
    },
  }
}

const idOf = (text: string) => `<${createHash('sha256').update(text).digest('hex').slice(0, 32)}@dewpoint>`

function mailOf(content: Content): SendMailOptions {
  const { chart } = content
  const thread = idOf(content.thread)
  return {
    subject: oneLine(content.title),
    text: textOf(content),
    html: htmlOf(content),
    // The same when it is sent again since the answer was lost, so that mail programs show it once.
    messageId: idOf(content.told.map(({ notification }) => keyOf(notification)).join('\n')),
    references: thread,
    inReplyTo: thread,
    headers: {
      // Nobody's holiday answers it [RFC 3834 §5].
      'Auto-Submitted': 'auto-generated',
      ...(content.severity === 'critical' && !content.isOver ? { Importance: 'high', 'X-Priority': '1' } : {}),
    },
    attachments:
      chart === null
        ? []
        : [
            {
              filename: 'chart.png',
              content: Buffer.from(chart),
              contentType: 'image/png',
              cid: chartId,
              contentDisposition: 'inline',
            },
          ],
  }
}

const linksOf = ({ actions, url }: Content) => [...actions, ...(url === '' ? [] : [{ title: 'Open', url }])]

const textOf = (content: Content): string =>
  [content.title, '', content.text, '', ...linksOf(content).map(({ title, url }) => `${title}: ${url}`)].join('\n')

const htmlOf = (content: Content): string =>
  [
    '<!doctype html><html><body style="font-family:sans-serif">',
    `<h2>${html(content.title)}</h2>`,
    ...content.text.split('\n').map((line) => `<p>${html(line)}</p>`),
    ...(content.chart === null ? [] : [`<p><img src="cid:${chartId}" alt="last hours" width="480" height="160"></p>`]),
    `<p>${linksOf(content)
      .map(({ title, url }) => `<a href="${html(url)}">${html(title)}</a>`)
      .join(' &middot; ')}</p>`,
    '</body></html>',
  ].join('\n')

/** Messages of servers may hold addresses and more: only the step and the code are told. */
function outcomeOf(error: unknown): Outcome {
  const { code, responseCode, errno } = error as { code?: string; responseCode?: number; errno?: unknown }
  // nodemailer calls every trouble of a socket ESOCKET; what the system called it helps more.
  const system = typeof errno === 'number' && errno < 0 ? getSystemErrorName(errno) : undefined
  const detail = [
    system ?? code ?? 'the mail could not be sent',
    ...(responseCode === undefined ? [] : [`answered ${responseCode}`]),
  ]
  // 5yz: the same mail will be refused again [RFC 5321 §4.2.1]; a wrong password is mended by a person, and what waits is told then.
  const isFinal = (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode >= 500
  return isFinal ? rejected(detail.join(', ')) : failed(detail.join(', '))
}
