/**
 * How MQTT is offered, from settings: TLS, WebSocket, limits, and whether the broker stands open for a test.
 */
import { parseLimits } from '@forewarn/broker/limits'
import type { BrokerOptions } from '@forewarn/broker/start'
import type { Settings } from '@forewarn/runtime/settings'
import { StartError } from './start-error.ts'

export type MqttOptions = Pick<BrokerOptions, 'plainOnNetwork' | 'webSocketPort' | 'tls' | 'limits' | 'open'>

/** Throws StartError when settings contradict each other. `simulated`: there is no real district behind it. */
export function mqttOptionsOf(settings: Settings, { simulated }: { simulated: boolean }): MqttOptions {
  const { mqttPlain, mqttWsPort, openBroker, host } = settings
  const limits = parseLimits(settings.mqttLimits)
  if (typeof limits === 'string') throw new StartError('bad-settings', `FOREWARN_MQTT_LIMITS: ${limits}`)
  if (openBroker && !simulated && !isLoopback(host))
    throw new StartError(
      'bad-settings',
      `FOREWARN_OPEN_BROKER lets anybody in: not with a real district on ${host}, only on 127.0.0.1`,
    )
  return { plainOnNetwork: mqttPlain, webSocketPort: mqttWsPort, tls: tlsOf(settings), limits, open: openBroker }
}

function tlsOf(settings: Settings): MqttOptions['tls'] {
  const { tlsCert: certFile, tlsKey: keyFile, tlsCa: caFile, tlsCrl: crlFile } = settings
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined || keyFile === undefined)
    throw new StartError('bad-settings', 'FOREWARN_TLS_CERT and FOREWARN_TLS_KEY belong together')
  const { mqttTlsPort: port, mqttWssPort: webSocketPort } = settings
  const clientCertificateRequired = settings.tlsClientCertificates === 'required'
  if (clientCertificateRequired && caFile === undefined)
    throw new StartError('bad-settings', 'client certificates need FOREWARN_TLS_CA, which signs them')
  return { certFile, keyFile, caFile, crlFile, port, webSocketPort, clientCertificateRequired }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
