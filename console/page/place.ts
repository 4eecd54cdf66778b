/** Where the reader is, kept in the address so that it can be shared: `#/site/device/channel`. */
export type Place = { site: string; device: string; channel: string | null }

/** Names come from topics and may hold any character, so each level is encoded. A site may be empty. */
export const placeHash = (site: string, device: string, channel?: string): string =>
  `#/${[site, device, ...(channel === undefined ? [] : [channel])].map(encodeURIComponent).join('/')}`.replace(
    alertsHash,
    // A site of this name is no list of alerts.
    '#/%61lerts$1',
  )

const alertsHash = /^#\/alerts(\/|$)/

/** `#/alerts`, or `#/alerts/{id}` of one, as notifications link to it; undefined: another place. */
export function parseAlertPlace(hash: string): { id: string | null } | undefined {
  return alertsHash.test(hash) ? { id: hash.slice('#/alerts/'.length) || null } : undefined
}

export function parsePlace(hash: string): Place | null {
  if (!hash.startsWith('#/') || alertsHash.test(hash)) return null
  try {
    const [site, device, channel] = hash.slice(2).split('/').map(decodeURIComponent)
    if (site === undefined || !device) return null
    return { site, device, channel: channel || null }
  } catch {
    // A cut or mistyped address is no place; the list is shown instead.
    return null
  }
}

export const deviceKey = (name: { site: string; device: string }): string => `${name.site}/${name.device}`
