/** The quarantine of the page in a real browser: what a person can do about messages, by mouse, by keyboard and on a phone. */
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAlertingFake } from '../../console/alerting.fake.ts'
import { type Console, createConsole } from '../../console/console.ts'
import { createCounters } from '../../telemetry/counters.ts'
import { lifeCycle, MessageKind } from '../../telemetry/message.ts'
import { type QuarantineEntry, toEntry } from '../../telemetry/quarantine.ts'
import { createTimes } from '../../telemetry/times.ts'
import { patient } from '../flow/helpers.ts'
import { openPage, startBrowser } from '../servers/browser.ts'
import { needs } from '../servers/tools.ts'

const decideAfterMs = 200

describe.skipIf(needs({ chromium: true }) !== null)('quarantine of the page', () => {
  let browser: Browser
  let page: Page
  let served: Console
  let entries: Map<string, QuarantineEntry>
  let replayed: string[]
  let said: string[]

  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())

  /** Messages without a digit stay, whatever is done; all others have become readable. */
  const isMended = (entry: QuarantineEntry) => /\d/.test(Buffer.from(entry.payload, 'base64').toString())

  function add(position: number, payload: string, code: 'bad_value' | 'no_route' = 'bad_value'): void {
    const topic = `sensors/a-site-with-a-long-name/gauge-${position}/${code === 'no_route' ? 'humidity' : 'rainfall'}`
    const message = { ...lifeCycle(MessageKind.publish, `gauge-${position}`, 1, topic), payload: Buffer.from(payload) }
    const record = { ...message, position, ordinal: 1, receivedAtUs: Date.now() * 1000 }
    const reason = `"${payload}" given, a number wanted`
    const entry = toEntry(record, { code, reason, configVersion: '0badcafe', decidedAt: position })
    entries.set(entry.id, entry)
  }

  function decide({ id }: QuarantineEntry): void {
    const entry = entries.get(id) as QuarantineEntry
    if (isMended(entry)) entries.delete(id)
    else entries.set(id, { ...entry, decidedAt: entry.decidedAt + 10_000, reason: 'decided again, and no better' })
  }

  beforeEach(async () => {
    entries = new Map()
    replayed = []
    for (let i = 1; i <= 22; i++) add(i * 100, `${i},5`)
    add(2300, '<img src=x onerror=alert(document.domain)>', 'no_route')
    add(2400, '55 %', 'no_route')
    served = await createConsole({
      host: '127.0.0.1',
      port: 0,
      store: { ping: async () => {}, latest: async () => [] } as never,
      statuses: () => [],
      unitOf: () => '',
      healthNotRemembered: () => 0,
      openRows: async () => ({ rows: [], version: 0, isNumbered: false }),
      faults: { outages: () => [], rejectedAtMs: () => [], everyMsOf: () => null },
      commands: () => null,
      alerting: () => createAlertingFake([]).alerting,
      brokerStats: () => null,
      ingestToken: null,
      accept: async () => {},
      abandon: () => {},
      nextEpoch: () => 1,
      isAccepting: () => true,
      balance: () => ({ ...nothing, received: 24, accepted: 24, quarantined: entries.size, stored: 24 - entries.size }),
      journal: () => ({ bytes: 0, segments: 1, syncs: 0, syncTimes: createTimes(), unsyncedBytes: 0 }),
      quarantine: {
        view: {
          get: (id) => entries.get(id),
          list: (count, { code } = {}) =>
            [...entries.values()]
              .filter((it) => code === undefined || it.code === code)
              .sort((a, b) => Number(b.id) - Number(a.id))
              .slice(0, count),
          counts() {
            const codes = [...entries.values()].map((it) => it.code)
            return Object.fromEntries(codes.map((code) => [code, codes.filter((it) => it === code).length]))
          },
        },
        preview: (entry) =>
          isMended(entry)
            ? {
                points: [
                  `rainfall,device=gauge-${entry.id},site=a-site-with-a-long-name value=1.5 1700000000000000001`,
                ],
                notes: [],
              }
            : { code: 'bad_value', detail: 'still no number' },
        replay: async (all) => {
          replayed.push(...all.map((it) => it.id))
          setTimeout(() => all.forEach(decide), decideAfterMs)
          return all.length
        },
      },
      checks: () => ({}),
      counters: createCounters(),
      log: pino({ level: 'silent' }),
    })
    said = []
    page = await openPage(browser, (text) => said.push(text))
  })
  afterEach(async () => {
    await page.close()
    await served.close()
    expect(said).toEqual([])
  })

  const items = () => page.locator('#quarantine-list > li')
  const item = (id: number) => page.locator(`#quarantine-list > li[data-id="${id}"]`)
  const result = () => page.locator('#quarantine-result').textContent()
  const open = async () => {
    await page.goto(`http://127.0.0.1:${served.address.port}/`)
    await page.locator('#quarantine summary').click()
    await expect.poll(() => items().count(), patient).toBe(20)
  }
  const picture = (name: string) => page.screenshot({ path: join(tmpdir(), `dewpoint-quarantine-${name}.png`) })

  test('filter shows one reason, and more shows all', async () => {
    await open()
    expect(await page.locator('#quarantine-code option').allTextContents()).toEqual([
      'every reason (24)',
      'bad_value (22)',
      'no_route (2)',
    ])
    await page.selectOption('#quarantine-code', 'no_route')
    await expect.poll(() => items().count(), patient).toBe(2)
    await page.selectOption('#quarantine-code', '')
    await page.locator('#quarantine-more').click()
    await expect.poll(() => items().count(), patient).toBe(24)
    expect(await page.locator('#quarantine-more').isHidden()).toBe(true)
  })

  test('dry run shows points or the problem below each message, and one line in all', async () => {
    await open()
    await item(2200).getByRole('button', { name: 'Show what the routes of now make of it' }).click()
    await expect.poll(result, patient).toBe('1 message would go, with 1 point.')
    expect(await item(2200).locator('.quarantine-preview').textContent()).toContain('rainfall,device=gauge-2200')
    await page.locator('#quarantine-preview-all').click()
    await expect.poll(result, patient).toBe('19 messages would go, with 19 points, 1 message would stay.')
    expect(await item(2300).locator('.quarantine-preview').textContent()).toBe('stays: bad_value: still no number')
    await picture('wide')
    expect(replayed).toEqual([])
  })

  test('replay says what left and what stays, and the list follows', async () => {
    await open()
    await item(2400).getByRole('button', { name: 'Replay' }).click()
    await expect.poll(result, patient).toBe('1 message left the quarantine.')
    await expect.poll(() => item(2400).count(), patient).toBe(0)
    expect(replayed).toEqual(['2400'])
    await page.selectOption('#quarantine-code', 'no_route')
    await expect.poll(() => items().count(), patient).toBe(1)
    await page.selectOption('#quarantine-code', '')
    await expect.poll(() => items().count(), patient).toBe(20)
    await page.locator('#quarantine-replay-all').click()
    await expect
      .poll(result, patient)
      .toBe('19 messages left the quarantine, 1 message still cannot be stored, see the reason.')
    expect(await item(2300).locator('.quarantine-reason').textContent()).toBe('decided again, and no better')
    // The oldest first, and nothing that was not shown.
    expect(replayed.slice(1, 3)).toEqual(['400', '500'])
    await expect.poll(() => items().count(), patient).toBe(4)
  })

  test('payload and list are downloaded as they are', async () => {
    await open()
    const [payload] = await Promise.all([
      page.waitForEvent('download'),
      item(2300).getByRole('link', { name: 'Download payload' }).click(),
    ])
    expect(payload.suggestedFilename()).toBe('quarantine-2300.bin')
    expect(await readFile(await payload.path(), 'utf8')).toBe('<img src=x onerror=alert(document.domain)>')
    const [all] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download all' }).click(),
    ])
    expect((await readFile(await all.path(), 'utf8')).trim().split('\n')).toHaveLength(24)
  })

  test('everything is reached by keyboard, and the focus is kept when its message goes', async () => {
    await page.goto(`http://127.0.0.1:${served.address.port}/`)
    await page.locator('#quarantine summary').focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => items().count(), patient).toBe(20)
    const focused = () => page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
    const walked: string[] = []
    for (let i = 0; i < 7; i++) {
      await page.keyboard.press('Tab')
      walked.push(await focused())
    }
    expect(walked).toEqual([
      'quarantine-code',
      'quarantine-preview-all',
      'quarantine-replay-all',
      'Download all',
      'Show what the routes of now make of it',
      'Replay',
      'Download payload',
    ])
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await expect.poll(result, patient).toBe('1 message left the quarantine.')
    await expect.poll(() => item(2400).count(), patient).toBe(0)
    expect(await focused()).toBe('quarantine-result')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await expect.poll(result, patient).toBe('1 message would stay.')
    // What arrives meanwhile moves neither the focus nor what was opened.
    add(2500, 'x')
    await expect.poll(() => item(2500).count(), patient).toBe(1)
    expect(await focused()).toBe('Show what the routes of now make of it')
    expect(await item(2300).locator('.quarantine-preview').isVisible()).toBe(true)
  })

  test.each([360, 768])('quarantine needs no horizontal scrolling when the page is %i px wide', async (width) => {
    await page.setViewportSize({ width, height: 800 })
    await open()
    await page.locator('#quarantine-preview-all').click()
    await expect.poll(result, patient).toContain('would go')
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(
      0,
    )
    await page.locator('#quarantine').scrollIntoViewIfNeeded()
    await picture(String(width))
  })
})

const nothing = { refused: 0, waiting: 0, duplicate: 0, damaged: 0, held: 0 }
