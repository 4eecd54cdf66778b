/** A page of Chromium, and whatever it complains of. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { commandPath } from './tools.ts'

/** The first three keep Chromium running where there is no sandbox and no GPU; the others keep it from phoning home. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: commandPath('chromium') as string, args })

/** @param onComplaint errors and warnings of its console, errors that nobody caught, and dialogs, which are dismissed */
export async function openPage(browser: Browser, onComplaint: (text: string) => void): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.setDefaultTimeout(20_000)
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') onComplaint(message.text())
  })
  page.on('pageerror', (error) => onComplaint(error.message))
  page.on('dialog', (dialog) => {
    onComplaint(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return page
}
