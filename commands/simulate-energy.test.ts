import { afterEach, expect, test, vi } from 'vitest'
import { StartError } from '../telemetry/errors.ts'
import { run } from './simulate-energy.ts'

const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
afterEach(() => written.mockClear())
const output = () => written.mock.calls.map(([text]) => text).join('')

test('simulate energy prints bill, life and advice when the cell can feed the radio', async () => {
  const options = ['--radio', 'esp32-wifi', '--cell', 'lipo-1ah', '--connection', 'wake', '--qos', '0', '--tls', 'none']
  expect(await run(options)).toBe(0)
  expect(output()).toMatch(/payload +[\d,]+ +\d+ %/)
  expect(output()).toMatch(/Life: 2\d days/)
  expect(output()).toMatch(/batch of 60 +×21 {2}4\d\d days/)
})

test('simulate energy answers 1 and says why when the cell cannot feed the radio', async () => {
  expect(await run(['--radio', 'nb-iot', '--cell', 'cr2032'])).toBe(1)
  expect(output()).toMatch(/It cannot work: CR2032.*sags/)
  expect(output()).toMatch(/Other cells: .*li-socl2-aa/)
  expect(output()).not.toMatch(/One change/)
})

test('simulate energy prints one line of JSON when asked to', async () => {
  expect(await run(['--json', '--radio', 'mains', '--cell', 'mains'])).toBe(0)
  const [result] = JSON.parse(output())
  expect(result).toMatchObject({ problem: null, bill: { daysOfLife: null, milliJoulesPerDay: 0 } })
  expect(result.bill.bytesPerDay).toBeGreaterThan(0)
})

test('simulate energy takes tail, spreading factor, topic and resumed sessions into account', async () => {
  const bytesAndLife = async (...options: string[]) => {
    written.mockClear()
    await run(['--json', ...options])
    const [{ bill }] = JSON.parse(output())
    return [bill.bytesPerDay, bill.daysOfLife] as [number, number]
  }
  const lteM = await bytesAndLife()
  expect((await bytesAndLife('--tail', '0'))[1]).toBeGreaterThan(lteM[1])
  expect((await bytesAndLife('--topic', '10'))[0]).toBeLessThan(lteM[0])
  const wake = ['--connection', 'wake', '--batch', '60']
  expect((await bytesAndLife(...wake, '--resume'))[0]).toBeLessThan((await bytesAndLife(...wake))[0])
  const lora = ['--radio', 'lora-backhaul']
  expect((await bytesAndLife(...lora, '--spreading', '12'))[1]).toBeLessThan((await bytesAndLife(...lora))[1])
})

test.each([
  ['--radio', 'zigbee'],
  ['--keepalive', 'often'],
  ['--celsius', 'warm'],
  ['--spreading', '13'],
  ['--sensors', 'rain,nose'],
  ['--nonsense', '1'],
])('simulate energy refuses %s %s', async (...options) => {
  await expect(run(options)).rejects.toThrow(StartError)
})
