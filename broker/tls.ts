/**
 * Certificate and key from their files, and again while connections stand: a pair that does not fit changes nothing.
 * Sessions resume by tickets, since a full handshake costs a battery device more than its reading.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Logger } from 'pino'
import { StartError } from '../telemetry/errors.ts'
import { limits } from '../telemetry/limits.ts'

/** Paths of PEM files. `ca`: who signs the certificates of clients, null when nobody is asked for one. */
export type TlsFiles = {
  cert: string
  key: string
  ca: string | null
  /** optional: who shows a certificate must show a good one. */
  clientCertificates: 'none' | 'optional' | 'required'
}

export type Tls = {
  /** A server that is not listening: sockets are handed to it as `connection`, and come out as `secureConnection`. */
  createServer(onSecure: (socket: TLSSocket) => void): Server
  /**
   * Reads the files again; answers what is wrong with them, null when they are in use now. `newKeys`: for the tickets of
   * sessions, when they must be new.
   */
  reload(newKeys?: Buffer): string | null
  /** What the tickets of sessions are made with: whoever has it too, resumes them too. */
  ticketKeys(): Buffer
}

type Pem = { cert: Buffer; key: Buffer; ca?: Buffer }

/** @throws StartError when the files cannot be read or do not fit. */
export function createTls(files: TlsFiles, log: Logger, firstKeys: Buffer = newTicketKeys()): Tls {
  const asked = files.clientCertificates !== 'none'
  let pem = readPem(files)
  // One set for all listeners, and for the life of the process: a new certificate does not end what can be resumed.
  let ticketKeys: Buffer = firstKeys
  const servers: Server[] = []
  const options = (): TlsOptions => ({
    ...pem,
    minVersion: 'TLSv1.2',
    ticketKeys,
    sessionTimeout: limits.tlsSessionS,
    handshakeTimeout: limits.connectTimeoutMs,
    requestCert: asked,
    rejectUnauthorized: files.clientCertificates === 'required',
  })
  tellExpiry(pem, files, log)

  return {
    createServer(onSecure) {
      const server = createServer(options(), onSecure)
      servers.push(server)
      return server
    },
    reload(newKeys: Buffer = newTicketKeys()) {
      try {
        const next = readPem(files)
        // Nobody resumes what an authority granted that is not trusted any more.
        if (!(next.ca ?? empty).equals(pem.ca ?? empty)) ticketKeys = newKeys
        pem = next
        for (const server of servers) server.setSecureContext(options())
        tellExpiry(pem, files, log)
        return null
      } catch (error) {
        return (error as Error).message
      }
    },
    ticketKeys: () => ticketKeys,
  }
}

const empty = Buffer.alloc(0)
const newTicketKeys = () => randomBytes(48)

function readPem(files: TlsFiles): Pem {
  const read = (name: 'cert' | 'key' | 'ca', path: string) => {
    try {
      return readFileSync(path)
    } catch (error) {
      throw new StartError(`broker.tls.${name} ${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  const pem: Pem = { cert: read('cert', files.cert), key: read('key', files.key) }
  if (files.ca !== null) pem.ca = read('ca', files.ca)
  const certificate = parsed('cert', files.cert, () => new X509Certificate(pem.cert))
  const key = parsed('key', files.key, () => createPrivateKey(pem.key))
  if (!certificate.checkPrivateKey(key)) {
    throw new StartError(`broker.tls.key ${files.key}: does not belong to the certificate ${files.cert}`)
  }
  if (files.ca !== null) parsed('ca', files.ca, () => new X509Certificate(pem.ca as Buffer))
  // What only OpenSSL finds out: keys too short, chains that are broken off.
  parsed('cert', files.cert, () => createSecureContext({ ...pem, minVersion: 'TLSv1.2' }))
  return pem
}

function parsed<T>(name: string, path: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new StartError(`broker.tls.${name} ${path}: is no usable PEM file: ${(error as Error).message}`)
  }
}

/** Clients refuse a certificate that has run out; the operator should hear of it here. */
function tellExpiry({ cert }: Pem, files: TlsFiles, log: Logger): void {
  const { validTo, subject } = new X509Certificate(cert)
  const isOver = Date.parse(validTo) < Date.now()
  if (isOver) log.error({ file: files.cert, validTo }, 'the certificate of the broker has run out')
  else log.info({ file: files.cert, validTo, subject }, 'certificate in use')
}
