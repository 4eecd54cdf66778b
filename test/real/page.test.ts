/** The page of a real server in a real browser, while simulated devices send, break off and come back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startDemoFleet } from '../../devices-sim/demo.ts'
import type { Fleet } from '../../devices-sim/fleet.ts'
import { openDuckdb } from '../../stores/duckdb.ts'
import { createSeries, emptyCheckpoint } from '../../telemetry/point.ts'
import { patient } from '../flow/helpers.ts'
import { openPage, startBrowser } from '../servers/browser.ts'
import { type DewpointServer, startDewpoint } from '../servers/dewpoint.ts'
import { needs } from '../servers/tools.ts'

const devices = 10
const countDrawnPixels = `(() => {
  const canvas = document.querySelector('#chart canvas')
  if (canvas === null) return 0
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return data.filter((byte, i) => i % 4 === 3 && byte !== 0).length
})()`

describe.skipIf(needs({ chromium: true }) !== null)('page', () => {
  let server: DewpointServer
  let fleet: Fleet
  let browser: Browser
  let page: Page
  let said: string[]
  let asked: string[]

  beforeAll(async () => {
    server = await startDewpoint()
    fleet = startDemoFleet({ url: server.mqttUrl, devices, seed: 7, intervalMs: 500 })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.close()
    await server?.close()
  })

  beforeEach(async () => {
    said = []
    asked = []
    page = await openPage(browser, (text) => said.push(text))
    page.on('request', (request) => asked.push(request.url()))
  })
  afterEach(async () => {
    await page.close()
    // Whatever the test was about: the console is quiet, and nothing is loaded from elsewhere.
    expect(said).toEqual([])
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((url) => new URL(url).origin !== server.httpUrl)).toEqual([])
  })

  const row = (name: string) => page.locator(`#devices > li[data-device="demo/${name}"]`)
  const online = () => page.locator('#devices > li[data-state="online"]').count()
  const open = async (hash = '') => {
    await page.goto(`${server.httpUrl}/${hash}`)
    await expect.poll(online, patient).toBe(devices)
    expect(await page.locator('#devices > li').count()).toBe(devices)
  }
  // Expressions for the page are text: the types of the DOM would otherwise hold for the whole project.
  const drawnPixels = () => page.evaluate<number>(countDrawnPixels)
  const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')

  test('page shows every device and moves its values when readings arrive', async () => {
    await open()
    for (const channel of ['rainfall', 'pulse', 'voltage']) {
      await row('rg-0001').locator(`[data-channel="${channel}"] .value-number`).waitFor()
    }
    const cell = row('rg-0001').locator('[data-channel="pulse"] .value-number')
    const seen = new Set<string>()
    await expect.poll(async () => seen.add((await cell.textContent()) ?? '').size, patient).toBeGreaterThan(3)
  })

  test('page shows what the API says when a device is chosen, and draws its chart', async () => {
    await open('#/demo/rg-0003')
    await page.waitForSelector('#chart canvas')
    await expect.poll(drawnPixels, patient).toBeGreaterThan(1_000)
    expect(await page.locator('#detail-title').textContent()).toContain('rg-0003')
    expect(await page.locator('#health').getAttribute('data-status')).toBe('ok')
    const label = (await page.locator('#chart').getAttribute('aria-label')) ?? ''
    expect(label).toContain('rg-0003')
    expect(label).not.toContain('no reading')
  })

  test('page lists the latest values instead of a chart when a channel has texts', async () => {
    const data = join(mkdtempSync(join(tmpdir(), 'dewpoint-texts-')), 'data')
    const store = await openDuckdb(join(data, 'readings.duckdb'))
    const now = BigInt(Date.now()) * 1_000_000n
    const tags: Array<[string, string]> = [
      ['site', 'demo'],
      ['device', 'station'],
    ]
    const sky = createSeries('sky.state', tags, 'value', 'string')
    const door = createSeries('door', tags, 'open', 'boolean')
    const at = (secondsAgo: number) => now - BigInt(secondsAgo) * 1_000_000_000n
    const hostile = `<b>fog</b>\n\u202e${'x'.repeat(3_000)}`
    await store.write([
      { series: sky, timeNs: at(3), value: 'clear', position: 0 },
      { series: sky, timeNs: at(2), value: hostile, position: 0 },
      { series: sky, timeNs: at(1), value: 'rain', position: 0 },
      { series: door, timeNs: at(1), value: true, position: 0 },
    ])
    await store.commit(emptyCheckpoint())
    await store.close()
    const texts = await startDewpoint({ data })
    try {
      await page.goto(`${texts.httpUrl}/#/demo/station/sky.state`)
      await page.locator('#texts > li').nth(2).waitFor()
      const shown = await page.locator('#texts .text-value').allTextContents()
      expect(shown[0]).toBe('rain')
      expect(shown[1]).toMatch(/^<b>fog<\/b> \ufffdx+…$/)
      expect(shown[2]).toBe('clear')
      expect(await page.locator('#chart').isVisible()).toBe(false)
      expect(await page.locator('#readout .readout-value').textContent()).toBe('rain')
      const values = page.locator('#devices > li[data-device="demo/station"] .value-number')
      expect(await values.allTextContents()).toEqual(['true', 'rain'])
      expect(await overflow()).toBeLessThanOrEqual(0)
      await page.screenshot({ path: join(tmpdir(), 'dewpoint-page-texts.png') })
      await page.setViewportSize({ width: 390, height: 844 })
      expect(await overflow()).toBeLessThanOrEqual(0)
    } finally {
      // Its own page is the only one that may be asked.
      asked = asked.map((url) => url.replace(texts.httpUrl, server.httpUrl))
      await page.goto('about:blank')
      asked = asked.filter((url) => !url.startsWith('about:'))
      await texts.close()
      rmSync(dirname(data), { recursive: true, force: true })
    }
  })

  test('row becomes offline within a second when its device is unplugged, and online when it is back', async () => {
    await open()
    const took: number[] = []
    for (const index of [1, 4, 8]) {
      const name = `rg-000${index + 1}`
      const unpluggedAt = performance.now()
      fleet.unplug(index)
      await row(name).and(page.locator('[data-state="offline"]')).waitFor()
      took.push(Math.round(performance.now() - unpluggedAt))
      expect(await row(name).locator('.device-why').textContent()).toContain('connection broke')
      fleet.plug(index)
      await row(name).and(page.locator('[data-state="online"]')).waitFor()
    }
    process.stderr.write(`offline on the page after ${took.join(', ')} ms\n`)
    expect(Math.max(...took)).toBeLessThan(1_000)
  })

  test.each([360, 390, 768, 1280])('page needs no horizontal scrolling when it is %i px wide', async (width) => {
    await page.setViewportSize({ width, height: 800 })
    await open()
    expect(await overflow()).toBeLessThanOrEqual(0)
    await row('rg-0002').locator('.device-link').click()
    await page.waitForSelector('#chart canvas')
    await expect.poll(drawnPixels, patient).toBeGreaterThan(1_000)
    expect(await overflow()).toBeLessThanOrEqual(0)
  })

  test('page reconnects by itself when the server was restarted', async () => {
    await open()
    await server.stop()
    await page.waitForSelector('#live:not([data-status="live"])')
    await server.restart()
    const before = await server.counters()
    await expect.poll(async () => (await server.counters()).stored, patient).toBeGreaterThan(before.stored)
    // The page alone does not tell: after our restart a device counts as online until its grace is over.
    await expect.poll(() => fleet.stats().connected, patient).toBe(devices)
    await expect.poll(online, patient).toBe(devices)
    const cell = row('rg-0001').locator('[data-channel="pulse"] .value-number')
    const text = await cell.textContent()
    await expect.poll(() => cell.textContent(), patient).not.toBe(text)
    // While the server was away the browser itself says so.
    said = said.filter((it) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_CONNECTION_RESET|ERR_EMPTY/.test(it))
  })

  test('page looks right when it is looked at: pictures for a person', async () => {
    fleet.unplug(5)
    for (const [name, width, height] of [
      ['wide', 1280, 800],
      ['phone', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height })
      await page.goto(`${server.httpUrl}/`)
      await page.waitForSelector('#devices > li[data-device="demo/rg-0006"][data-state="offline"]')
      if (name === 'phone') await page.screenshot({ path: join(tmpdir(), 'dewpoint-page-phone-list.png') })
      await row('rg-0001').locator('.device-link').click()
      await expect.poll(drawnPixels, patient).toBeGreaterThan(1_000)
      await page.screenshot({ path: join(tmpdir(), `dewpoint-page-${name}.png`) })
    }
    fleet.plug(5)
  })
})
