/** Content as the webhooks of Slack, Discord and Teams, and ntfy, document it; each within the receiver's limits of length. */
import type { Severity } from '../../telemetry/alert.ts'
import { asciiJson, cut, header, markdown, slack } from './escape.ts'
import type { Post } from './http.ts'
import type { Content } from './templates.ts'

type Shape = (content: Content) => Omit<Post, 'url'>

const json = { 'content-type': 'application/json' }
const green = 0x2da44e
const colours: { [severity in Severity]: number } = { info: 0x0969da, warning: 0xd29922, critical: 0xcf222e }
const colourOf = ({ isOver, severity }: Content) => (isOver ? green : colours[severity])
const linksOf = ({ url, actions }: Content) => [...actions, ...(url === '' ? [] : [{ title: 'Open', url }])]

/** Block Kit. A header holds 150 characters, a section 3,000; the text beside is what a phone shows. An incoming webhook takes no files. */
export const slackShape: Shape = (content) => {
  const links = linksOf(content)
  const button = ({ title, url }: { title: string; url: string }, index: number) => ({
    type: 'button',
    action_id: `link-${index}`,
    text: { type: 'plain_text', text: title },
    url,
  })
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: cut(content.title, 150), emoji: false } },
    { type: 'section', text: { type: 'mrkdwn', text: cut(slack(content.text), 3_000), verbatim: true } },
    ...(links.length === 0 ? [] : [{ type: 'actions', elements: links.map(button) }]),
  ]
  return { headers: json, body: JSON.stringify({ text: slack(content.title), blocks }) }
}

/** An embed: title of 256 characters, description of 4,096. Nobody is mentioned, whatever a device is called. */
export const discordShape: Shape = (content) => {
  const links = linksOf(content).map(({ title, url }) => `[${title}](${url})`)
  const embed = {
    title: cut(markdown(content.title), 256),
    description: [cut(markdown(content.text), 2_500), ...(links.length === 0 ? [] : [links.join(' · ')])].join('\n\n'),
    color: colourOf(content),
    ...(content.url === '' ? {} : { url: content.url }),
    ...(content.chart === null ? {} : { image: { url: 'attachment://chart.png' } }),
  }
  const message = JSON.stringify({ embeds: [embed], allowed_mentions: { parse: [] } })
  if (content.chart === null) return { headers: json, body: message }
  const form = new FormData()
  form.set('payload_json', message)
  form.set('files[0]', new Blob([new Uint8Array(content.chart)], { type: 'image/png' }), 'chart.png')
  return { headers: {}, body: form }
}

/** A message to a workflow's webhook holds 28 KB; the picture is left out where it would not fit. */
const teamsPictureCharsMax = 16_000
const teamsColours: { [severity in Severity]: string } = { info: 'accent', warning: 'warning', critical: 'attention' }

/** An Adaptive Card, which "Post to a channel when a webhook request is received" shows. */
export const teamsShape: Shape = (content) => {
  const picture = content.chart === null ? '' : Buffer.from(content.chart).toString('base64')
  const hasPicture = picture !== '' && picture.length <= teamsPictureCharsMax
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      {
        type: 'TextBlock',
        text: markdown(content.title),
        weight: 'bolder',
        size: 'medium',
        wrap: true,
        color: content.isOver ? 'good' : teamsColours[content.severity],
      },
      // One line end alone is none in Markdown.
      { type: 'TextBlock', text: markdown(content.text).replaceAll('\n', '\n\n'), wrap: true },
      ...(hasPicture ? [{ type: 'Image', url: `data:image/png;base64,${picture}`, altText: 'last hours' }] : []),
    ],
    actions: linksOf(content).map(({ title, url }) => ({ type: 'Action.OpenUrl', title, url })),
  }
  const attachment = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card }
  return { headers: json, body: JSON.stringify({ type: 'message', attachments: [attachment] }) }
}

const priorities: { [severity in Severity]: string } = { info: '2', warning: '4', critical: '5' }
const tags: { [severity in Severity]: string } = {
  info: 'information_source',
  warning: 'warning',
  critical: 'rotating_light',
}

/** Text in the body, all else in headers. Buttons act at once, without the browser; ntfy shows three of them. */
export const ntfyShape: Shape = (content) => {
  const acts = content.actions.map(({ title, url }) => ({
    action: 'http',
    label: title,
    url,
    method: 'POST',
    clear: true,
  }))
  return {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      title: header(content.title),
      priority: content.isOver ? '3' : priorities[content.severity],
      tags: content.isOver ? 'white_check_mark' : tags[content.severity],
      ...(content.url === '' ? {} : { click: content.url }),
      ...(acts.length === 0 ? {} : { actions: asciiJson(acts) }),
    },
    body: content.text,
  }
}
