import { afterEach, expect, test, vi } from 'vitest'
import { readScenario, scenarioNames } from '../devices-sim/scenario/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { runList, runShow } from './simulate-scenarios.ts'

afterEach(() => vi.restoreAllMocks())

async function printed(run: () => Promise<number>): Promise<{ code: number; text: string }> {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk)
    return true
  })
  const code = await run()
  return { code, text }
}

test('simulate list prints each scenario with a line about it', async () => {
  const { code, text } = await printed(() => runList([]))
  expect(code).toBe(0)
  const lines = text.trimEnd().split('\n')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(scenarioNames())
  for (const line of lines) expect(line).toMatch(/^[\w-]+ {2,}\S.*\S$/)
})

test('simulate list prints devices and rates when --json is given', async () => {
  const { text } = await printed(() => runList(['--json']))
  const list = JSON.parse(text) as Array<{ name: string; devices: number }>
  expect(list.map(({ name }) => name)).toEqual(scenarioNames())
  expect(list.find(({ name }) => name === 'fleet-growth')?.devices).toBe(500)
})

test('simulate show prints the file as it stands when it is named', async () => {
  expect(await printed(() => runShow(['storm']))).toEqual({ code: 0, text: readScenario('storm').text })
})

test.each([[[]], [['storm', 'demo']], [['strom']], [['--nonsense']]])(
  'simulate show tells what is wanted when its arguments are %j',
  async (argv) => {
    await expect(runShow(argv)).rejects.toThrow(StartError)
  },
)
