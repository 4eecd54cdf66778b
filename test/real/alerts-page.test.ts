/** States and alerts of the page in a real browser: list, acknowledge, mute, filter, timeline, notifiers, and a link of a notification. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alertOf, createAlertingFake } from '../../console/alerting.fake.ts'
import { type Console, createConsole } from '../../console/console.ts'
import { createCounters } from '../../telemetry/counters.ts'
import type { DeviceStatus } from '../../telemetry/device.ts'
import { createTimes } from '../../telemetry/times.ts'
import { patient } from '../flow/helpers.ts'
import { openPage, startBrowser } from '../servers/browser.ts'
import { needs } from '../servers/tools.ts'

const nowMs = Date.now()
const hourMs = 3_600_000
const longSite = 'a-site-with-a-very-long-name-indeed'

const status = (device: string, state: DeviceStatus['state'], dueMs: number | null = null): DeviceStatus => ({
  site: longSite,
  device,
  state,
  why: `no report since 14:02, expected every 10 min: ${state}`,
  sinceMs: nowMs - hourMs,
  lastSeenMs: state === 'never-seen' ? 0 : nowMs - hourMs,
  dueMs,
  isAlerting: state === 'lost',
})

describe.skipIf(needs({ chromium: true }) !== null)('the alerts of the page', () => {
  let browser: Browser
  let page: Page
  let served: Console
  let fake: ReturnType<typeof createAlertingFake>
  let said: string[]

  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())

  beforeEach(async () => {
    fake = createAlertingFake([
      alertOf('a', { title: '<img src=x onerror=alert(1)> is offline' }),
      alertOf('b', { severity: 'warning', state: 'pending', firedAtMs: null }),
      alertOf('m', { suppressed: 'maintenance' }),
      alertOf('r', { state: 'resolved', resolvedAtMs: nowMs }),
    ])
    const changes = [
      { timeMs: nowMs - 30 * hourMs, value: 'online' },
      { timeMs: nowMs - 12 * hourMs, value: 'late' },
      { timeMs: nowMs - 6 * hourMs, value: 'lost' },
    ]
    const store = {
      ping: async () => {},
      latest: async () => [],
      async readings({ fromMs, toMs }: { fromMs: number; toMs: number }, rowsMax: number, end?: string) {
        const found = changes.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs)
        return end === 'last' ? found.slice(-rowsMax) : found.slice(0, rowsMax)
      },
    }
    served = await createConsole({
      host: '127.0.0.1',
      port: 0,
      store: store as never,
      statuses: () => [
        status('sleeper', 'asleep', nowMs + hourMs),
        status('gone', 'lost'),
        status('tardy', 'late', nowMs - hourMs),
        status('fresh', 'online'),
        status('new', 'never-seen'),
      ],
      unitOf: () => '',
      healthNotRemembered: () => 0,
      openRows: async () => ({ rows: [], version: 0, isNumbered: true }),
      faults: { outages: () => [], rejectedAtMs: () => [], everyMsOf: () => null },
      commands: () => null,
      alerting: () => fake.alerting,
      brokerStats: () => null,
      ingestToken: null,
      accept: async () => {},
      abandon: () => {},
      nextEpoch: () => 1,
      isAccepting: () => true,
      balance: () => ({
        received: 0,
        accepted: 0,
        refused: 0,
        waiting: 0,
        stored: 0,
        quarantined: 0,
        duplicate: 0,
        damaged: 0,
        held: 0,
      }),
      journal: () => ({ bytes: 0, segments: 1, syncs: 0, syncTimes: createTimes(), unsyncedBytes: 0 }),
      quarantine: {
        view: { get: () => undefined, list: () => [], counts: () => ({}) },
        preview: () => ({ points: [], notes: [] }),
        replay: async () => 0,
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

  const at = (hash = '') => `http://127.0.0.1:${served.address.port}/${hash}`
  const names = () => page.locator('.device-name').allTextContents()
  const alert = (id: string) => page.locator(`.alert[data-id="${id}"]`)
  const result = () => page.locator('#alerts-result').textContent()
  const picture = (name: string) => page.screenshot({ path: join(tmpdir(), `dewpoint-alerts-${name}.png`) })

  test('list shows states in words, who needs a person first, and one state when it is chosen', async () => {
    await page.goto(at())
    await expect.poll(names, patient).toEqual(['gone', 'tardy', 'fresh', 'sleeper', 'new'])
    expect(await page.locator('.badge').first().textContent()).toBe('lost')
    expect(await page.locator('.device[data-state="never-seen"] .device-age').textContent()).toBe('never')
    await page.selectOption('#state-filter', 'asleep')
    await expect.poll(names, patient).toEqual(['sleeper'])
    await page.selectOption('#state-filter', 'offline')
    await page.getByRole('button', { name: 'Clear the filter' }).click()
    await expect.poll(async () => (await names()).length, patient).toBe(5)
  })

  test('device shows why, when it is due, and a band of its states', async () => {
    await page.goto(at(`#/${longSite}/sleeper`))
    await expect.poll(() => page.locator('.detail-due').textContent(), patient).toMatch(/^wakes /)
    expect(await page.locator('.detail-why').textContent()).toContain('expected every 10 min: asleep')
    const parts = page.locator('.timeline-part')
    await expect.poll(() => parts.count(), patient).toBe(3)
    expect(await parts.evaluateAll((all) => all.map((it) => it.dataset.state))).toEqual(['online', 'late', 'lost'])
    const widths = await parts.evaluateAll((all) => all.map((it) => it.getBoundingClientRect().width))
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(2, 0)
  })

  test('alerts are acknowledged, muted and unmuted, and those of which nobody was told stand apart', async () => {
    await page.goto(at())
    await expect.poll(() => page.locator('#alerts-count').textContent(), patient).toBe('1 firing')
    await page.locator('#alerts summary').first().click()
    await expect.poll(() => page.locator('#alerts-told .alert').count(), patient).toBe(3)
    expect(await page.locator('#alerts-untold .alert').count()).toBe(1)
    expect(await alert('m').textContent()).toContain('nobody told: maintenance')
    expect(await alert('r').getByRole('button').count()).toBe(0)
    await alert('a').getByRole('button', { name: 'Acknowledge' }).click()
    await expect.poll(result, patient).toBe('Acknowledged: <img src=x onerror=alert(1)> is offline')
    await expect.poll(() => alert('a').textContent(), patient).toContain('acknowledged by somebody')
    await alert('b').getByRole('button', { name: 'Mute 8 h' }).click()
    await expect.poll(() => page.locator('#alerts-untold .alert').count(), patient).toBe(2)
    expect(fake.asked.find(([what]) => what === 'mute')?.[1]).toBeGreaterThan(8 * hourMs - 60_000)
    await alert('b').getByRole('button', { name: 'Unmute' }).click()
    await expect.poll(() => page.locator('#alerts-untold .alert').count(), patient).toBe(1)
    await page.locator('.audit summary').click()
    await expect.poll(() => page.locator('#audit li').count(), patient).toBe(3)
    // By what the alert says, and not by its id.
    expect(await page.locator('#audit li').last().textContent()).toContain('acknowledge · <img src=x')
    await picture('wide')
  })

  test('address of the alerts shows their heading, and an alert leads to its device', async () => {
    await page.setViewportSize({ width: 1280, height: 400 })
    await page.goto(at('#/alerts'))
    await expect.poll(() => page.locator('#alerts-told .alert').count(), patient).toBe(3)
    const topOf = (selector: string) =>
      page.locator(selector).evaluate((it) => Math.round(it.getBoundingClientRect().top))
    await expect.poll(() => topOf('#alerts'), patient).toBeGreaterThan(40)
    expect(await topOf('#alerts')).toBeLessThan(200)
    await alert('r').getByRole('link').click()
    await expect.poll(() => topOf('#detail-title'), patient).toBeGreaterThan(0)
  })

  test('notifiers are tested from the page, and say what failed', async () => {
    await page.goto(at('#/alerts/a'))
    await expect.poll(() => page.locator('#notifiers').textContent(), patient).toContain('the receiver said 500')
    await page.getByRole('button', { name: 'Send a test to ops' }).click()
    await expect.poll(result, patient).toBe('ops: sent')
    expect(fake.asked).toContainEqual(['test', 'ops'])
  })

  test('push is refused with a reason when the browser does not allow it', async () => {
    await page.goto(at('#/alerts'))
    await page.getByRole('button', { name: 'Notify me on this phone' }).click()
    await expect
      .poll(() => page.locator('#push-text').textContent(), patient)
      .toBe('This browser does not allow notifications here.')
  })

  test('the service worker is served and registers', async () => {
    await page.goto(at())
    const isActive = `navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then((it) => it.active !== null)`
    expect(await page.evaluate(isActive)).toBe(true)
  })

  test('a link of a notification asks, and acts when its button is pressed', async () => {
    await page.goto(at('act/a.acknowledge'))
    expect(fake.audit).toEqual([])
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await expect.poll(() => page.locator('body').textContent(), patient).toContain('Acknowledged.')
    expect(fake.audit).toMatchObject([{ by: 'ops', action: 'acknowledge', on: 'a' }])
  })

  test.each([`#/${longSite}/gone`, '#/alerts/a'])('%s needs no horizontal scrolling at 360 px', async (hash) => {
    await page.setViewportSize({ width: 360, height: 800 })
    await page.goto(at(hash))
    const shown = hash.startsWith('#/alerts') ? alert('a') : page.locator('#timeline')
    await expect.poll(() => shown.isVisible(), patient).toBe(true)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(
      0,
    )
    await picture(hash.startsWith('#/alerts') ? 'phone' : 'phone-device')
  })
})
