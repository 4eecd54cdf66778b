import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { type DeviceEntry, DevicesFileError, deviceLine, indexDevices, parseDeviceLine } from './devices-file.ts'

const password = 'scrypt:1024:8:1:jm1XTO33JbBcH8IA3aQWQg:nclGVV6LUavDDnL9JzhbhinkVbWimgPb7NhkQAmAnhY'
const entry = (device: string, site: string | null = null, more: Partial<DeviceEntry> = {}): DeviceEntry => ({
  device,
  site,
  credential: `credential-${device}`,
  created: '2026-11-24T12:00:00Z',
  password,
  revoked: null,
  ...more,
})
const revoked = { password: null, revoked: '2026-11-25T12:00:00Z' }
const index = (text: string) => indexDevices(Buffer.from(text), 'devices.yaml')
const problems = async (text: string) =>
  index(text).then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof DevicesFileError)) throw error
      return error.message.split('\n')
    },
  )

test('a line says what it was made of, and is YAML', () => {
  for (const it of [
    entry('gauge-7'),
    entry('gauge "7"', 'höme: {1}', { credential: 'credential-2' }),
    entry('a', 'b', revoked),
  ]) {
    expect(parseDeviceLine(deviceLine(it).trimEnd())).toEqual(it)
    expect(parse(deviceLine(it))[0]).toMatchObject({ device: it.device, credential: it.credential })
  }
})

test('indexDevices finds a device by site and name, and by the name alone when it has one site', async () => {
  const all = [entry('a', 'home'), entry('b', 'home'), entry('b', 'barn'), entry('c'), entry('c', 'home')]
  const devices = await index(`# devices\n\n${all.map(deviceLine).join('')}`)
  expect(devices.size).toBe(5)
  expect([...devices.entries()]).toEqual(all)
  expect(devices.find({ site: 'home', device: 'a' })).toEqual(all[0])
  expect(devices.find({ site: null, device: 'a' })).toEqual(all[0])
  expect(devices.find({ site: null, device: 'b' })).toBeNull()
  expect(devices.find({ site: 'barn', device: 'b' })).toEqual(all[2])
  expect(devices.find({ site: null, device: 'c' })).toEqual(all[3])
  expect(devices.find({ site: 'barn', device: 'a' })).toBeNull()
  expect(devices.find({ site: null, device: 'constructor' })).toBeNull()
})

test('indexDevices reads a file without a last line end, with CR LF, and an empty one', async () => {
  const text = deviceLine(entry('a')) + deviceLine(entry('b'))
  expect((await index(text.trimEnd())).size).toBe(2)
  const devices = await index(text.replaceAll('\n', '\r\n'))
  expect(devices.find({ site: null, device: 'b' })).toEqual(entry('b'))
  expect(await index('')).toMatchObject({ size: 0, dearest: null })
  expect(await index(deviceLine(entry('a', null, revoked)))).toMatchObject({ size: 1, dearest: null })
})

test('indexDevices tells what the dearest password costs, and nothing that would match it', async () => {
  const dear = password.replace('1024', '16384')
  const devices = await index([entry('a'), entry('b', null, { password: dear }), entry('c')].map(deviceLine).join(''))
  expect(devices.dearest).toMatchObject({ n: 16_384, r: 8, p: 1 })
  expect(dear).not.toContain(devices.dearest?.hash.toString('base64url'))
})

const line = (change: object) => `- ${JSON.stringify({ ...JSON.parse(deviceLine(entry('a')).slice(2)), ...change })}\n`
test.each([
  ['devices:\n', /:1: one line like/],
  ['- device: a\n', /:1: one line like/],
  ['- {"device":\n', /:1: .*no JSON/],
  ['- {device: a}\n', /:1: .*no JSON/],
  [line({ device: '+' }), /:1: device: /],
  [line({ device: 'a/b' }), /:1: device: /],
  [line({ device: 7 }), /:1: device: /],
  [line({ site: '#' }), /:1: site: /],
  [line({ credential: 'x' }), /:1: credential: /],
  [line({ created: 'today' }), /:1: created: /],
  [line({ colour: 'blue' }), /:1: unknown key "colour"/],
  [line({ revoked: '2026-11-25T12:00:00Z' }), /:1: either password or revoked/],
  [line({ password: undefined }), /:1: either password or revoked/],
  [line({ password: 'secret' }), /:1: password: scrypt/],
  [line({ password: password.replace('1024', '1048576') }), /:1: password: .*limit/],
  [line({}) + line({}), /:2: a stands in another line already/],
])('indexDevices uses nothing of the file when it holds %j', async (text, problem) => {
  const found = await problems(text)
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(problem)
  expect(found[0]).not.toContain('secret')
})

test('indexDevices tells no more than twenty problems', async () => {
  expect(await problems('x\n'.repeat(1000))).toHaveLength(20)
})

test('indexDevices lets others work while it reads a whole fleet', async () => {
  const lines: string[] = []
  for (let i = 0; i < 60_000; i++) lines.push(deviceLine(entry(`gauge-${i}`, `site-${i % 100}`)))
  let turns = 0
  const interval = setInterval(() => turns++, 0)
  const devices = await index(lines.join(''))
  clearInterval(interval)
  expect(devices.find({ site: 'site-99', device: 'gauge-59999' })?.credential).toBe('credential-gauge-59999')
  expect(turns).toBeGreaterThan(10)
})
