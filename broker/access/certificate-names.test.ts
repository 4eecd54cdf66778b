import type { PeerCertificate } from 'node:tls'
import { expect, test } from 'vitest'
import { certificateNames } from './certificate-names.ts'
import { certificateAccount } from './credentials.ts'

const names = (subject: object, subjectaltname?: string) =>
  certificateNames({ subject, ...(subjectaltname !== undefined && { subjectaltname }) } as unknown as PeerCertificate)

test('certificateNames gives the common name and the alternative names', () => {
  const found = names({ CN: 'home/gauge-7' }, 'DNS:gauge-7, URI:home/gauge-7')
  expect(found).toEqual({ commonName: 'home/gauge-7', subjectAltNames: ['DNS:gauge-7', 'URI:home/gauge-7'] })
  expect(names({})).toEqual({ commonName: '', subjectAltNames: [] })
})

test('certificate with several common names is nobody’s', () => {
  expect(certificateAccount(names({ CN: ['gauge-7', 'gauge-8'] }, 'DNS:gauge-7'))).toBeNull()
})

test('alternative name that holds another one in quotes gives no name at all', () => {
  expect(certificateAccount(names({}, 'URI:"x, DNS:gauge-7", DNS:gauge-8'))).toBeNull()
})
