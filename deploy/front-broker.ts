/**
 * Where foreign messages come from and how they are read, when settings say so: the broker in front of the house, and
 * the mapping of payloads that nobody else knows.
 */
import { type Mapping, readMappings } from '@forewarn/ingest/formats/mapped'
import type { Settings } from '@forewarn/runtime/settings'
import type { FrontBroker } from './house-options.ts'
import { StartError, systemCode } from './start-error.ts'

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

/** The mappings of the file that the settings name. Throws StartError for a file that cannot be read or is wrong. */
export function mappingsOf({ mapping: file }: Settings): Mapping[] | undefined {
  if (file === undefined) return undefined
  let mappings: Mapping[] | string
  try {
    mappings = readMappings(file)
  } catch (cause) {
    throw new StartError('bad-settings', `mapping file ${file} cannot be read (${systemCode(cause)})`, { cause })
  }
  if (typeof mappings === 'string') throw new StartError('bad-settings', mappings)
  return mappings
}
