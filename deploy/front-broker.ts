/**
 * The broker in front of the house, when settings name one.
 */
import type { Settings } from '@forewarn/runtime/settings'
import type { FrontBroker } from './house-options.ts'
import { StartError } from './start-error.ts'

/** Throws StartError for topics of devices that no gateway stands for. */
export function frontBrokerOf(settings: Settings): FrontBroker | undefined {
  const { brokerUrl, brokerUser, brokerPassword, brokerClientId, brokerDeviceTopics, brokerDeviceGateway } = settings
  if (brokerUrl === undefined) return undefined
  const filters = (brokerDeviceTopics ?? '').split(',').flatMap(filter => filter.trim() || [])
  if (filters.length > 0 && brokerDeviceGateway === undefined)
    throw new StartError('bad-settings', 'FOREWARN_BROKER_DEVICE_TOPICS needs FOREWARN_BROKER_DEVICE_GATEWAY')
  return {
    url: brokerUrl,
    username: brokerUser,
    password: brokerPassword,
    clientId: brokerClientId,
    devices: brokerDeviceGateway === undefined ? undefined : { gateway: brokerDeviceGateway, filters },
  }
}
