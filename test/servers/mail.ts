/** A real mail server for a test: keeps what it took, and is killed and started again on the same port. */
import { once } from 'node:events'
import { SMTPServer } from 'smtp-server'
import { freePort } from './tools.ts'

export type MailServer = {
  readonly url: string
  /** Sources of the mails, in order. */
  readonly mails: string[]
  start(): Promise<void>
  stop(): Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const port = await freePort()
  const mails: string[] = []
  let server: SMTPServer | null = null
  const mail: MailServer = {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    async start() {
      server = new SMTPServer({
        authOptional: true,
        disabledCommands: ['STARTTLS'],
        onData(stream, _session, done) {
          const chunks: Buffer[] = []
          stream.on('data', (chunk: Buffer) => chunks.push(chunk))
          stream.on('end', () => {
            mails.push(Buffer.concat(chunks).toString())
            done()
          })
        },
      })
      server.on('error', () => {})
      server.listen(port, '127.0.0.1')
      await once(server.server, 'listening')
    },
    stop: () => new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve()))),
  }
  await mail.start()
  return mail
}
