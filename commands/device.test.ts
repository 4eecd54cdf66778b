import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readDevices } from '../broker/access/devices-file.ts'
import { derivedPassword, matchesHash, type PasswordHash, parsePasswordHash } from '../broker/access/password.ts'
import { StartError } from '../telemetry/errors.ts'
import { run } from './device.ts'

const key = 'a key of the whole fleet'.replaceAll(' ', '-').padEnd(32, '0')
let folder: string
let file: string
let out: string
let err: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dewpoint-device-'))
  file = join(folder, 'data', 'devices.yaml')
  writeFileSync(join(folder, 'telemetry.yaml'), `broker: { access: { derivedKey: ${key} } }\n`)
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

async function device(...args: string[]): Promise<string> {
  out = ''
  err = ''
  const config = ['--config', join(folder, 'telemetry.yaml'), '--data', join(folder, 'data')]
  expect(await run([...args, ...config])).toBe(0)
  return out.trimEnd()
}
async function problems(...args: string[]): Promise<string[]> {
  const error = await device(...args).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof StartError)) throw error ?? new Error('nothing was wrong')
  return error.problems
}
async function matches(name: string, password: string): Promise<boolean> {
  const [site, own] = name.split('/') as [string, string]
  const entry = (await readDevices(file)).find({ site, device: own })
  return matchesHash(Buffer.from(password), parsePasswordHash(entry?.password ?? '') as PasswordHash)
}

test('add makes a device and prints a password that matches, once', async () => {
  const password = await device('add', 'home/gauge-7')
  expect(await matches('home/gauge-7', password)).toBe(true)
  expect(readFileSync(file, 'utf8')).not.toContain(password)
  expect(statSync(file).mode & 0o077).toBe(0)
  expect(await problems('add', 'gauge-7', '--site', 'home')).toEqual([expect.stringMatching(/has a password already/)])
  const next = await device('add', 'home/gauge-7', '--replace', '--json')
  expect(JSON.parse(next).username).toBe('home/gauge-7')
  expect(await matches('home/gauge-7', JSON.parse(next).password)).toBe(true)
  expect(await matches('home/gauge-7', password)).toBe(false)
})

test('each password gets a credential of its own, and so does a revocation', async () => {
  const credentials = new Set<string>()
  for (const args of [['add'], ['add', '--replace'], ['revoke'], ['add'], ['revoke'], ['revoke']]) {
    const [verb = '', ...rest] = args
    await device(verb, 'home/gauge-7', ...rest)
    const [entry] = (await readDevices(file)).entries()
    credentials.add(entry?.credential ?? '')
  }
  expect(credentials.size).toBe(6)
})

test('revoke keeps the device in the file, and takes one that is in none', async () => {
  await device('add', 'home/gauge-7')
  await device('revoke', 'gauge-7')
  expect(err).toContain('home/gauge-7 is revoked')
  await device('revoke', 'barn/gauge-9')
  expect(err).toContain('barn/gauge-9 was not in the file')
  const listed = JSON.parse(await device('list', '--json'))
  expect(listed).toMatchObject([
    { username: 'home/gauge-7', revoked: expect.any(String) },
    { username: 'barn/gauge-9', revoked: expect.any(String) },
  ])
  expect(JSON.stringify(listed)).not.toContain('scrypt')
  expect(await device('list')).toMatch(/home\/gauge-7 {2}revoked 20.*\n.*barn\/gauge-9 {2}revoked 20/)
})

test('revoke asks which one when several sites have a device of the name', async () => {
  await device('add', 'home/gauge-7')
  await device('add', 'barn/gauge-7')
  expect(await problems('revoke', 'gauge-7')).toEqual(['gauge-7: which one of home/gauge-7, barn/gauge-7?'])
  expect([...(await readDevices(file)).entries()].every(({ revoked }) => revoked === null)).toBe(true)
})

test('password prints what derivedKey gives', async () => {
  expect(await device('password', 'home/gauge-7')).toBe(derivedPassword(key, 'home/gauge-7'))
  writeFileSync(join(folder, 'telemetry.yaml'), 'broker: { access: {} }\n')
  expect(await problems('password', 'home/gauge-7')).toEqual([expect.stringMatching(/derivedKey/)])
})

test.each([
  [[], /one of add, list, revoke, password, import wanted/],
  [['remove', 'x'], /"remove" given/],
  [['add'], /0 names given, one wanted/],
  [['list', 'x'], /1 names given, none wanted/],
  [['add', 'a/+'], /"a\/\+" given/],
  [['add', 'a/b/c'], /"a\/b\/c" given/],
  [['add', 'gauge-7'], /every rule .* names \{site\}/],
  [['add', 'a/b', '--out', 'x'], /--out: not an option of add/],
  [['add', 'a/b', '--colour'], /--help/],
])('device ends with a hint when the arguments are %j', async (args, problem) => {
  expect(await problems(...args)).toEqual([expect.stringMatching(problem)])
})

test('device without a site is taken when a rule names none', async () => {
  writeFileSync(
    join(folder, 'telemetry.yaml'),
    'broker: { status: "s/{device}", access: { rules: { publish: ["s/{device}/#"] } } }\n',
  )
  await device('add', 'gauge-7')
  expect((await readDevices(file)).find({ site: null, device: 'gauge-7' })).not.toBeNull()
})

test('import makes all devices of a table, with the passwords given or made up', async () => {
  const table = join(folder, 'devices.csv')
  writeFileSync(table, '\uFEFFDevice;Site;Password\r\ngauge-1;home;\r\n\r\n"gauge;2";home;"top ""secret"", yes"\r\n')
  const made = join(folder, 'made.csv')
  await device('import', table, '--out', made)
  const [head, first = '', second] = readFileSync(made, 'utf8').split('\n')
  expect(head).toBe('username,password')
  expect(second).toBe('home/gauge;2,"top ""secret"", yes"')
  expect(await matches('home/gauge-1', first.split(',')[1] ?? '')).toBe(true)
  expect(await matches('home/gauge;2', 'top "secret", yes')).toBe(true)
  expect(statSync(made).mode & 0o077).toBe(0)
  expect(await problems('import', table, '--out', join(folder, 'other.csv'))).toEqual([
    expect.stringMatching(/2 of them have a password already/),
  ])
  expect(existsSync(join(folder, 'other.csv'))).toBe(false)
})

test.each([
  ['name\nx\n', [/columns are name; device wanted/]],
  ['device,colour\nx,blue\n', [/columns are device, colour/]],
  ['device,site\n+,home\nok,home\n,home\nok,home\nalone,\n', [/:2: /, /:4: /, /:5: home\/ok stands/, /:6: .*site/]],
])('import changes nothing when the table is %j', async (text, expected) => {
  const table = join(folder, 'devices.csv')
  writeFileSync(table, text)
  const found = await problems('import', table, '--out', join(folder, 'made.csv'))
  expect(found).toHaveLength(expected.length)
  for (const [i, it] of expected.entries()) expect(found[i]).toMatch(it)
  expect(await device('list')).toContain('no device')
})

test('import wants a place for the passwords that it makes up, and writes over no file', async () => {
  const table = join(folder, 'devices.csv')
  writeFileSync(table, 'device,site\na,home\n')
  expect(await problems('import', table)).toEqual([expect.stringMatching(/--out: not given/)])
  expect(await problems('import', table, '--out', table)).toEqual([expect.stringMatching(/--out: .*EEXIST/)])
})

test('comments and other lines of the file stay as they are, and one with a problem is not touched', async () => {
  await device('add', 'home/gauge-1')
  await device('add', 'home/gauge-2')
  const before = readFileSync(file, 'utf8').split('\n')
  const text = `# greenhouse\n${before[1]}\n\n# yard\n${before[2]}`
  writeFileSync(file, text)
  await device('revoke', 'home/gauge-2')
  const after = readFileSync(file, 'utf8').split('\n')
  expect(after.slice(0, 4)).toEqual(text.split('\n').slice(0, 4))
  expect(after[4]).toContain('revoked')
  expect(after[5]).toBe('')
  writeFileSync(file, 'devices:\n')
  expect(await problems('add', 'home/gauge-3')).toEqual([expect.stringMatching(/devices\.yaml:1: /)])
  expect(readFileSync(file, 'utf8')).toBe('devices:\n')
})

test('commands at once lose none of their changes', async () => {
  const config = ['--config', join(folder, 'telemetry.yaml'), '--data', join(folder, 'data')]
  await Promise.all(Array.from({ length: 8 }, (_, i) => run(['add', `home/gauge-${i}`, ...config])))
  expect((await readDevices(file)).size).toBe(8)
})
