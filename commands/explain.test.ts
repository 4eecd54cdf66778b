import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { outputOf } from '../test/output.ts'
import { run } from './explain.ts'

const folder = mkdtempSync(join(tmpdir(), 'dewpoint-explain-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = join(folder, 'telemetry.yaml')
writeFileSync(config, 'routes:\n  - topic: plant/{site}/{device}/temp\n    measurement: temperature\n')
const explain = (...argv: string[]) => outputOf(run, ...argv, '--config', config)

const topic = 'plant/north/t1/temp'
const payload = '{"v":21.5,"t":1700000000000,"seq":17}'

test('explain prints route, tags, readings with time and points when the message would be taken', async () => {
  const { status, stdout, stderr } = await explain(topic, payload)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const lines = stdout.split('\n')
  expect(lines).toContain(`topic     ${topic}`)
  expect(lines).toContain(`payload   37 bytes: ${payload}`)
  expect(lines).toContain(`route     routes[0] plant/{site}/{device}/temp, ${config}:2`)
  expect(lines).toContain('codec     value')
  expect(lines).toContain('tags      site=north device=t1')
  expect(lines).toContain('readings  temperature  21.5  2023-11-14T22:13:20.000000017Z (as the device says)')
  expect(lines).toContain('points    temperature,device=t1,site=north value=21.5 1700000000000000017')
})

test('explain gives one JSON document when it is asked for JSON', async () => {
  const { status, stdout } = await explain(topic, payload, '--json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    topic,
    route: { index: 0, topic: 'plant/{site}/{device}/temp', codec: 'value', file: config, line: 2 },
    tags: { site: 'north', device: 't1' },
    readings: [{ channel: 'temperature', value: '21.5', time: '2023-11-14T22:13:20.000000017Z' }],
    points: ['temperature,device=t1,site=north value=21.5 1700000000000000017'],
    problem: null,
    nearest: [],
  })
})

test('explain ends with 1 and tells the reason when the payload is wrong', async () => {
  const { status, stdout } = await explain(topic, 'warm')
  expect(status).toBe(1)
  expect(stdout).toContain(`route     routes[0]`)
  expect(stdout).toContain('verdict   quarantined, bad_value: "warm" given')
  expect(stdout).not.toContain('points')
})

test('explain ends with 1 and tells which level differed when no route matches', async () => {
  const { status, stdout } = await explain('plant/north/t1/temperature', '21.5')
  expect(status).toBe(1)
  expect(stdout).toContain('route     none\n')
  expect(stdout).toContain('nearest   routes[0] plant/{site}/{device}/temp: level 4 is "temperature", "temp" wanted\n')
  const json = await explain('plant/north/t1', '21.5', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({
    route: null,
    problem: { code: 'no_route' },
    nearest: [{ index: 0, topic: 'plant/{site}/{device}/temp', why: 'ends before level 4, "temp" wanted' }],
  })
})

test('explain takes the payload as hexadecimal, base64 and from a file', async () => {
  const file = join(folder, 'payload')
  writeFileSync(file, '21.5')
  for (const given of [
    ['32312e35', '--hex'],
    ['MjEuNQ==', '--base64'],
    ['--file', file],
  ]) {
    expect((await explain(topic, ...given)).stdout, given.join(' ')).toContain('value=21.5 ')
  }
})

test('explain takes a negative number when it stands behind --', async () => {
  const { status, stdout } = await outputOf(run, topic, '--config', config, '--', '-1.5')
  expect(status).toBe(0)
  expect(stdout).toContain('value=-1.5 ')
})

test.each([
  [[]],
  [[topic]],
  [[topic, '1', '2']],
  [[topic, '1', '--file', 'x']],
  [[topic, '01', '--hex', '--base64']],
  [[topic, '--file', 'x', '--base64']],
  [[topic, '0', '--hex']],
  [[topic, '--file', join(folder, 'missing')]],
  [[topic, '1', '--colour']],
])('explain ends with 2 in one line when the options are %j', async (argv) => {
  const { status, stdout, stderr } = await explain(...argv)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^[^\n]+\n$/)
})

test('explain shows a hostile topic and payload without control characters', async () => {
  const { status, stdout } = await explain('plant/\x1b[31m/t1/temp', '\x1b]0;x\x07')
  expect(status).toBe(1)
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  expect(stdout).toContain('topic     plant/\\u{1b}[31m/t1/temp\n')
})

test('explain says that it is a state, and names no route, when the topic is that of broker.status', async () => {
  const { status, stdout } = await explain('sensors/north/t1/status', 'online')
  expect(status).toBe(0)
  expect(stdout).toContain('verdict   taken as the state of a device')
  expect(stdout).not.toMatch(/nearest|quarantined|without a reading/)
  const json = await explain('sensors/north/t1/status', 'online', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ route: null, isStatus: true, problem: null, nearest: [] })
})

test('explain asks for another topic when no broker would take a message there', async () => {
  for (const wrong of ['plant/+/t1/temp', '', '$SYS/temp']) {
    const { status, stdout, stderr } = await explain(wrong, '1')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(`topic: ${JSON.stringify(wrong)} given, but`)
  }
})
