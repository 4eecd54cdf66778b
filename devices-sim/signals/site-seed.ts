/**
 * What devices of one site have in common, the weather above all, comes from the name of the site: no device has to know another,
 * and one that joins later finds what the others found. FNV-1a of 32 bits.
 */
export function siteSeed(site: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(site)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
