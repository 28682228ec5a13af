/**
 * Certificates: read from files, read again when the files change, and the name of the gateway in a client's.
 */
import { readFile, stat } from 'node:fs/promises'
import type { SecureContextOptions, TLSSocket } from 'node:tls'

export interface TlsFiles {
  /** PEM: the broker's certificate (with its chain) and key; ECDSA is several times as fast as RSA. */
  readonly certFile: string
  readonly keyFile: string
  /** PEM: who signs the gateways' certificates. Without it there are no client certificates. */
  readonly caFile?: string | undefined
  /** PEM: certificates taken back by that authority. */
  readonly crlFile?: string | undefined
}

/** What a TLS server is made of. Rejects with the system's error for a file that cannot be read. */
export async function readTlsMaterial({ certFile, keyFile, caFile, crlFile }: TlsFiles): Promise<SecureContextOptions> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
  const ca = caFile === undefined ? undefined : await readFile(caFile)
  const crl = crlFile === undefined ? undefined : await readFile(crlFile)
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
  }
}

/** A text that changes whenever one of the files does. A file that is missing for a moment counts as unchanged. */
export async function versionOf({ certFile, keyFile, caFile, crlFile }: TlsFiles): Promise<string | undefined> {
  try {
    const files = [certFile, keyFile, caFile, crlFile].filter(file => file !== undefined)
    const stats = await Promise.all(files.map(file => stat(file)))
    return stats.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join()
  } catch {
    // Being replaced right now: the next look will see it whole.
    return undefined
  }
}

const uriPrefix = 'URI:urn:forewarn:gateway:'

export type CertificateName = { readonly gateway: string } | 'none' | 'not-trusted' | 'nameless'

/** The gateway that the client's certificate names: in a URI `urn:forewarn:gateway:<id>`, else as its common name. */
export function certificateName(socket: TLSSocket): CertificateName {
  const { subject, subjectaltname = '' } = socket.getPeerCertificate()
  // Without a certificate the object is empty, whatever its type says.
  const common: unknown = subject?.CN
  if (subject === undefined) return 'none'
  if (!socket.authorized) return 'not-trusted'
  const uri = subjectaltname.split(', ').find(name => name.startsWith(uriPrefix))
  if (uri !== undefined) return { gateway: uri.slice(uriPrefix.length) }
  // Two common names are an array: which of them was meant nobody can know.
  return typeof common === 'string' && common !== '' ? { gateway: common } : 'nameless'
}
