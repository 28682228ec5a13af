/** The files behind `mqtts://`: whom the agent believes, and who it is itself. */
import { readFileSync } from 'node:fs'

export interface BrokerTls {
  /** Certificates (PEM) of those who may vouch for the broker; without it those that Node trusts. */
  readonly caFile?: string | undefined
  /** The agent's own certificate and key (PEM), for a broker that asks for one. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/**
 * What the files hold, as TLS takes it. Read at every connection, so that a renewed certificate needs no restart.
 * Throws when a file cannot be read.
 */
export function readTlsFiles(tls: BrokerTls | undefined): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  if (tls === undefined) return {}
  const { caFile, certFile, keyFile } = tls
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  }
}
