/** The names in a certificate that TLS has verified. */
import type { Socket } from 'node:net'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import type { Certificate } from './credentials.ts'

/** What the other side has shown and broker.tls.ca vouches for, or null. */
export function shownCertificate(socket: Socket): Certificate | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  const certificate = socket.getPeerCertificate()
  return Object.keys(certificate).length === 0 ? null : certificateNames(certificate)
}

export function certificateNames({ subject, subjectaltname = '' }: PeerCertificate): Certificate {
  const { CN = '' } = subject as { CN?: string | string[] }
  return {
    // Of several, none is the name: + stands in no device's.
    commonName: typeof CN === 'string' ? CN : CN.join('+'),
    // They come as one text. Where one has a comma or a quote in it, it is not told where the others begin.
    subjectAltNames: subjectaltname === '' || subjectaltname.includes('"') ? [] : subjectaltname.split(', '),
  }
}
