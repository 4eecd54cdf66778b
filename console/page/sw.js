/** Shows what Web Push brings while the page is closed, and does what its buttons say. */
addEventListener('push', (event) => {
  const { title, body, tag, severity, url, actions } = event.data.json()
  const links = Object.fromEntries(actions.map((it) => [it.action, it.url]))
  const shown = self.registration.showNotification(title, {
    body,
    tag,
    icon: '/icon.svg',
    renotify: true,
    requireInteraction: severity === 'critical',
    actions: actions.map((it) => ({ action: it.action, title: it.title })),
    data: { url: url || '/#/alerts', links },
  })
  event.waitUntil(shown)
})

/** A link that acts asks first when it is opened; a button has been asked already, so it posts. */
async function act(link) {
  const { pathname } = new URL(link)
  const answer = await fetch(pathname, { method: 'POST' }).catch(() => null)
  if (!answer?.ok) await clients.openWindow(pathname)
}

addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { url, links } = event.notification.data
  const link = links[event.action]
  event.waitUntil(link === undefined ? clients.openWindow(url) : act(link))
})
