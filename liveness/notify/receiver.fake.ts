/** A webhook's receiver: a real HTTP server that keeps what it got and answers as it is told. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Got = { path: string; headers: IncomingHttpHeaders; body: Buffer }
/** null: it takes the request and never answers. */
export type Answer = { status: number; headers?: { [name: string]: string } } | null

export async function startReceiver(port = 0) {
  const got: Got[] = []
  let answer: Answer = { status: 200 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      got.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
      if (answer !== null) response.writeHead(answer.status, answer.headers).end('thanks')
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    got,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    port: (server.address() as AddressInfo).port,
    answerWith(given: Answer) {
      answer = given
    },
    close() {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
