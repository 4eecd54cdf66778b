/** "Notify me on this phone": Web Push for this browser, where it can do it. */
import { getPushKey, subscribe } from './alerts-api.ts'
import { byId, setText } from './dom.ts'

const keyBytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))

/** Why this browser cannot be notified, null when it can. */
function obstacle(): string | null {
  if (!isSecureContext)
    return 'Browsers allow notifications on https:// and on localhost only, and this page is neither.'
  if (!('serviceWorker' in navigator) || !('PushManager' in window))
    return 'This browser has no Web Push. On an iPhone, add the page to the home screen first.'
  return null
}

async function start(): Promise<string> {
  if ((await Notification.requestPermission()) !== 'granted') return 'This browser does not allow notifications here.'
  const { key } = await getPushKey()
  const worker = await navigator.serviceWorker.register('/sw.js')
  await navigator.serviceWorker.ready
  await subscribe(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(key) }))
  return 'This browser is notified from now on, where a notifier of the type web-push is set up.'
}

export function startPush(): void {
  const button = byId<HTMLButtonElement>('push')
  const text = byId('push-text')
  const problem = obstacle()
  button.disabled = problem !== null
  setText(text, problem ?? '')
  button.addEventListener('click', () => {
    button.disabled = true
    start()
      .then((done) => setText(text, done))
      .catch((error: unknown) => setText(text, error instanceof Error ? error.message : String(error)))
      .finally(() => {
        button.disabled = false
      })
  })
}
