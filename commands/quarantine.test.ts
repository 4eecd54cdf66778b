import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StartError } from '../telemetry/errors.ts'
import { lifeCycle, MessageKind } from '../telemetry/message.ts'
import { printable } from '../telemetry/printable.ts'
import { toEntry } from '../telemetry/quarantine.ts'
import { printableBytes } from './printable.ts'
import { quarantineCommand } from './quarantine.ts'

const entry = (position: number, payload: Buffer, topic = 'a/b') =>
  toEntry(
    { ...lifeCycle(MessageKind.publish, 'gauge', 1, topic), payload, position, ordinal: 1, receivedAtUs: 1.7e15 },
    { code: 'bad_value', reason: 'flat \u001b[2J given', configVersion: '0badcafe', decidedAt: position },
  )

let server: Server
let url: string
let asked: Array<{ method: string; path: string; body: unknown }>
let answer: { status: number; body: string }
let stdout: string
let stderr: string

beforeEach(async () => {
  asked = []
  answer = { status: 200, body: '[]' }
  server = createServer(async (request, response) => {
    let body = ''
    for await (const bytes of request) body += bytes
    const { method = '', url: path = '' } = request
    asked.push({ method, path, body: body === '' ? undefined : JSON.parse(body) })
    response.writeHead(answer.status).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stdout = ''
  stderr = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await new Promise((resolve) => server.close(resolve))
})

const run = (...args: string[]) => quarantineCommand([...args, '--url', url])
const says = (body: object, status = 200) => {
  answer = { status, body: JSON.stringify(body) }
}

test('list shows the newest last, and no control character of a device', async () => {
  says([entry(20, Buffer.from('y'), 'a/\u001b]0;x'), entry(10, Buffer.from('x'))])
  expect(await run('list', '--code', 'bad_value', '--topic', 'a/+', '--limit', '5')).toBe(0)
  expect(asked).toEqual([
    { method: 'GET', path: '/api/quarantine?limit=5&code=bad_value&topic=a%2F%2B', body: undefined },
  ])
  expect(stdout.split('\n').map((line) => line.trim())).toEqual([
    '10  2023-11-14T22:13:20.000Z  bad_value  a/b',
    'flat \\u{1b}[2J given',
    '20  2023-11-14T22:13:20.000Z  bad_value  a/\\u{1b}]0;x',
    'flat \\u{1b}[2J given',
    '',
  ])
})

test('list says so when there is nothing, and gives JSON when asked to', async () => {
  expect(await run('list')).toBe(0)
  expect(stdout).toBe('no such message is in the quarantine\n')
  stdout = ''
  says([entry(1, Buffer.from('x'))])
  expect(await run('list', '--json')).toBe(0)
  expect(JSON.parse(stdout)).toEqual([entry(1, Buffer.from('x'))])
})

test('show gives everything of one message', async () => {
  says(entry(10, Buffer.from([0, 255, 10])))
  expect(await run('show', '10')).toBe(0)
  expect(asked[0]?.path).toBe('/api/quarantine/10')
  for (const part of ['a/b', 'gauge', '0badcafe', 'bad_value: the value is not', '3 bytes', '000000  00 ff 0a'])
    expect(stdout).toContain(part)
})

test('dry run shows points and what stays, and exits with 1 when something does', async () => {
  const goes = { id: '10', topic: 'a/b', points: ['rain value=1 5', 'rain value=2 6'], notes: [] }
  says({ previews: [goes, { id: '20', topic: 'a/c', code: 'no_route', detail: 'none' }], remaining: 3, unknown: [] })
  expect(await run('replay', '--dry-run', '--topic', 'a/')).toBe(1)
  expect(asked).toEqual([{ method: 'POST', path: '/api/quarantine/replay', body: { topic: 'a/', dryRun: true } }])
  expect(stdout).toContain('rain value=2 6')
  expect(stdout).toContain('stays: no_route: none')
  expect(stdout).toContain('2 messages: 1 would go (2 points), 1 would stay; 3 more are not shown')
  says({ previews: [goes], remaining: 0, unknown: [] })
  expect(await run('replay', '--dry-run')).toBe(0)
})

test('dry run says what points depend on, and not that there is no reading, when a counter has none by itself', async () => {
  says({
    previews: [{ id: '10', topic: 'a/b', points: [], notes: ['tips: by the report before'] }],
    remaining: 0,
    unknown: [],
  })
  expect(await run('replay', '--dry-run')).toBe(0)
  expect(stdout).toContain('tips: by the report before')
  expect(stdout).not.toContain('no reading')
})

test('replay sends what was chosen, and exits with 1 when not all could go', async () => {
  says({ replayed: 2, remaining: 0, unknown: [] }, 202)
  expect(await run('replay', '--id', '10', '--id', '20', '--code', 'no_route')).toBe(0)
  expect(asked[0]?.body).toEqual({ ids: ['10', '20'], code: 'no_route' })
  expect(stdout).toContain('2 messages on the way again')
  says({ replayed: 1, remaining: 4, unknown: ['7'] }, 202)
  expect(await run('replay')).toBe(1)
  expect(stderr).toBe(
    'the journal has no room for 4 messages more: replay again later\n7: no such message is in the quarantine\n',
  )
})

test('command exits with 1 and says in one line what the server said, or that there is none', async () => {
  says({ message: 'no message 5 is in the quarantine' }, 404)
  expect(await run('show', '5')).toBe(1)
  expect(stderr).toBe(`dewpoint: ${url} answered 404: no message 5 is in the quarantine\n`)
  answer = { status: 200, body: '<html>' }
  expect(await run('list')).toBe(1)
  expect(stderr).toContain('answered 200: this does not look like Dewpoint')
  stderr = ''
  expect(await quarantineCommand(['list', '--url', 'http://127.0.0.1:9'])).toBe(1)
  expect(stderr).toMatch(/^dewpoint: http:\/\/127\.0\.0\.1:9: [^\n]+\n$/)
})

test.each([
  [[], /list, show or replay wanted/],
  [['drop'], /"drop" given/],
  [['toString'], /"toString" given/],
  [['show'], /one id wanted/],
  [['show', 'x'], /"x" given/],
  [['show', '1', '2'], /2 names given/],
  [['list', 'x'], /none wanted/],
  [['list', '--dry-run'], /--dry-run: not an option of list/],
  [['list', '--id', '1'], /--id: not an option of list/],
  [['replay', '--limit', '1'], /--limit: not an option of replay/],
  [['replay', '--id', 'x'], /--id: "x" given/],
  [['list', '--code', 'toString'], /--code: "toString" given, one of no_route/],
  [['list', '--limit', '0'], /--limit/],
  [['list', '--url', 'mqtt://x'], /--url/],
  [['list', '--sead'], /--help lists the options/],
])('command refuses %j', async (args, complaint) => {
  await expect(quarantineCommand(args)).rejects.toThrow(StartError)
  await expect(quarantineCommand(args)).rejects.toThrow(complaint)
  expect(asked).toEqual([])
})

test('command tells how it is used when it is asked', async () => {
  expect(await quarantineCommand(['--help'])).toBe(0)
  expect(stdout).toContain('Usage: dewpoint quarantine list|show|replay')
})

test('bytes are shown as text only when every one of them can be seen', () => {
  expect(printableBytes(Buffer.from('{"v":1,\n"u":"°C"}'))).toBe('{"v":1,\n"u":"°C"}')
  expect(printableBytes(Buffer.from('a\u001b[2J'))).toBe('000000  61 1b 5b 32 4a')
  expect(printableBytes(Buffer.from([0xc3]))).toBe('000000  c3')
  expect(printableBytes(Buffer.alloc(17, 0xff)).split('\n')[1]).toBe('000010  ff')
  expect(printable('a\u202eb\r')).toBe('a\\u{202e}b\\u{d}')
})

test('quarantine takes the address out of the configuration that is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dewpoint-quarantine-'))
  const config = join(folder, 'telemetry.yaml')
  writeFileSync(config, `http: { listen: "${url.slice('http://'.length)}" }\n`)
  try {
    expect(await quarantineCommand(['list', '--config', config])).toBe(0)
    expect(asked.map(({ path }) => path)).toEqual(['/api/quarantine?limit=20'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
