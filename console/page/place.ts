/** Where the reader is, kept in the address so that it can be shared: `#/site/device/channel`. */
export type Place = { site: string; device: string; channel: string | null }

/** Names come from topics and may hold any character, so each level is encoded. A site may be empty. */
export const placeHash = (site: string, device: string, channel?: string): string =>
  `#/${[site, device, ...(channel === undefined ? [] : [channel])].map(encodeURIComponent).join('/')}`

export function parsePlace(hash: string): Place | null {
  if (!hash.startsWith('#/')) return null
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
