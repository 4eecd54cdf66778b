/** Notifications by HTTP POST. The operator names the address, which may be a private one: chat servers and receivers at home are. */
import type { NotifierConfig } from '../../telemetry/alert.ts'
import { discordShape, ntfyShape, slackShape, teamsShape } from './chat-shapes.ts'
import { genericBody, signatureHeader, signatureOf } from './generic.ts'
import { outcomeOf, type Post, post } from './http.ts'
import type { Sender } from './parcel.ts'
import type { Content, Templates } from './templates.ts'

type WebhookConfig = Extract<NotifierConfig, { type: 'webhook' }>

export function createWebhook(config: WebhookConfig, templates: Templates, nowMs: () => number): Sender {
  const shapes: { [format in WebhookConfig['format']]: (content: Content) => Omit<Post, 'url'> } = {
    slack: slackShape,
    discord: discordShape,
    teams: teamsShape,
    // ntfy takes a bearer token where its topics are protected.
    ntfy: (content) => {
      const shaped = ntfyShape(content)
      if (config.secret === null) return shaped
      return { ...shaped, headers: { ...shaped.headers, authorization: `Bearer ${config.secret}` } }
    },
    generic: (content) => {
      const body = genericBody(content)
      const signed = config.secret === null ? {} : { [signatureHeader]: signatureOf(config.secret, body, nowMs()) }
      return { headers: { 'content-type': 'application/json', ...signed }, body }
    },
  }

  return {
    takesDigests: true,
    async deliver(parcel) {
      const shaped = shapes[config.format](templates.contentOf(parcel))
      return outcomeOf(await post({ url: config.url, ...shaped }), nowMs())
    },
    close: () => Promise.resolve(),
  }
}
