/** The command `dewpoint` from outside: which words it knows, and how it ends. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository, run } from './helpers.ts'

const program = join(repository, 'dist', 'cli.js')
const dewpoint = (...args: string[]) => run(process.execPath, [program, ...args])
const commands = ['start', 'check-config', 'explain', 'simulate', 'replay', 'quarantine', 'export', 'device', 'alerts']

test('dewpoint lists its commands when it is asked for help', async () => {
  const { status, stdout, stderr } = await dewpoint('--help')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} +\\w`, 'm'))
})

test.each(commands)('dewpoint %s prints its options and ends with 0 when it is asked for help', async (command) => {
  const { status, stdout, stderr } = await dewpoint(command, '--help')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^Usage: dewpoint ${command} .*\n\n[A-Z]`))
  expect(stdout).toMatch(/^ {2}--help +this text$/m)
  expect(stdout).toMatch(/^Exit code: 0 .*, 2 .*\.\n$/m)
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
})

test('dewpoint tells its version', async () => {
  const { status, stdout } = await dewpoint('--version')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test.each([
  [['explian', 'a'], 'dewpoint: "explian" is no command, did you mean "explain"?\n'],
  [['Start'], 'dewpoint: "Start" is no command, did you mean "start"?\n'],
  [['frobnicate'], 'dewpoint: "frobnicate" is no command; dewpoint --help lists the commands\n'],
  [['__proto__'], 'dewpoint: "__proto__" is no command; dewpoint --help lists the commands\n'],
  [[], 'dewpoint: no command given; dewpoint --help lists the commands\n'],
  [['--config', 'x'], 'dewpoint: no command given; dewpoint --help lists the commands\n'],
  [['simulate', '--sead', '7'], "dewpoint: Unknown option '--sead'; --help lists the options\n"],
])('dewpoint ends with 2 and a hint when it is called with %j', async (args, stderr) => {
  expect(await dewpoint(...args)).toEqual({ status: 2, stdout: '', stderr })
})

test('dewpoint ends without a word when who reads its output has seen enough', async () => {
  const answers = createServer((_, response) => {
    const more = () => void (response.writable && response.write('a line\n'.repeat(10_000), more))
    more()
  }).listen(0, '127.0.0.1')
  await once(answers, 'listening')
  const url = `http://127.0.0.1:${(answers.address() as AddressInfo).port}`
  const command = '{ "$0" "$1" export --format csv --url "$2"; echo "ended with $?" >&2; } | head -n 1'
  const { stdout, stderr } = await run('sh', ['-c', command, process.execPath, program, url])
  answers.closeAllConnections()
  answers.close()
  expect({ stdout, stderr }).toEqual({ stdout: 'a line\n', stderr: 'ended with 0\n' })
})

test('dewpoint explain reads the payload from standard input when the file is -', async () => {
  const args = [program, 'explain', 'sensors/home/g1/rainfall', '--file', '-', '--json']
  const { status, stdout } = await run(process.execPath, args, { input: '0.25' })
  expect(status).toBe(0)
  expect(JSON.parse(stdout).readings).toMatchObject([{ channel: 'rainfall', value: '0.25' }])
})
