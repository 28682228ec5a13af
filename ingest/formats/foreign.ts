/**
 * The formats of ordinary devices that need no firmware of ours, by topic; in this order the first that fits reads.
 */
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import type { Log } from '@forewarn/runtime/log'
import type { Lives } from '../gateways/lives.ts'
import type { Rebirths } from '../gateways/rebirth.ts'
import { chirpstackFormat } from './chirpstack.ts'
import { deviceValues } from './device-values.ts'
import { type Mapping, mappedFormats } from './mapped.ts'
import { sparkplugFormat } from './sparkplug.ts'
import { openSparkplugNodes } from './sparkplug-nodes.ts'
import type { ForeignFormat } from './table.ts'
import { tasmotaFormat } from './tasmota.ts'
import { telegrafFormat } from './telegraf.ts'
import { zigbee2mqttFormat } from './zigbee2mqtt.ts'

export interface ForeignParts {
  readonly district: District
  readonly dataDir: string
  readonly lives: Lives
  readonly rebirths: Rebirths
  /** Told once a Sparkplug birth is on disk: what waited for it can be read now. */
  readonly onBorn: (gateway: string) => void
  /** For devices whose payloads are their maker's own. */
  readonly mappings: readonly Mapping[]
  readonly log: Log
}

/** Everything that is read beyond the two formats of our own gateways, with the topics it comes on. */
export function foreignFormats({
  district,
  dataDir,
  lives,
  rebirths,
  onBorn,
  mappings,
  log,
}: ForeignParts): ForeignFormat[] {
  const take = deviceValues(district)
  const nodes = openSparkplugNodes({ dir: join(dataDir, 'sparkplug'), log })
  const tasmota = tasmotaFormat({ take, lives, timeZone: district.timeZone })
  return [
    ...mappedFormats(mappings, take),
    { name: 'sparkplug', filter: 'spBv1.0/#', read: sparkplugFormat({ take, lives, nodes, rebirths, onBorn }) },
    { name: 'zigbee2mqtt', filter: 'zigbee2mqtt/#', read: zigbee2mqttFormat({ take, lives }) },
    { name: 'chirpstack', filter: 'application/+/device/+/event/+', read: chirpstackFormat({ take }) },
    { name: 'tasmota', filter: 'tele/#', read: tasmota },
    { name: 'tasmota', filter: '+/tele/+', read: tasmota },
    { name: 'telegraf', filter: 'telegraf/#', read: telegrafFormat({ take }) },
  ]
}
