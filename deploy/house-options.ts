/**
 * What a house is made of: its district, its folder and ports, its clock, and which servers it uses.
 */
import type { District } from '@forewarn/contracts/district'
import type { MapLayers, RoadGraph } from '@forewarn/contracts/geography'
import type { Mode } from '@forewarn/contracts/mode'
import type { ForeignBrokerOptions } from '@forewarn/ingest/foreign-broker'
import type { Mapping } from '@forewarn/ingest/formats/mapped'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { InfluxStoreOptions } from '@forewarn/store/influx/influx'
import type { MqttOptions } from './mqtt-options.ts'

export type FrontBroker = Pick<ForeignBrokerOptions, 'url' | 'username' | 'password' | 'clientId' | 'devices'>

export interface HouseOptions {
  /** Taken before with `takeDataDir`. */
  readonly dataDir: string
  readonly host: string
  /** 0 takes a free one, as for every port here. */
  readonly mqttPort: number
  /** TLS, WebSocket and limits of MQTT; plain MQTT on this machine without. */
  readonly mqtt?: MqttOptions | undefined
  readonly httpPort: number
  readonly district: District
  readonly mapLayers: MapLayers
  readonly roadGraph: RoadGraph
  readonly mode: Mode
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** With an edge agent for the district's field gateways: for simulations and replays. */
  readonly withEdgeAgent: boolean
  /** Between the edge agent and the broker: given the broker's port, the port to use instead. Tests cut the uplink there. */
  readonly uplinkThrough?: ((mqttPort: number) => Promise<number>) | undefined
  readonly rulesDir?: string | undefined
  readonly redisUrl?: string | undefined
  readonly postgresUrl?: string | undefined
  readonly influx?: Omit<InfluxStoreOptions, 'sensors'> | undefined
  /** For devices whose topics and payloads are their maker's own. */
  readonly mappings?: readonly Mapping[] | undefined
  /** Another broker in front, beside the house's own. */
  readonly frontBroker?: FrontBroker | undefined
  readonly journalMaxBytes?: number | undefined
  /** Keeps the journal in this Redis instead of in files. */
  readonly journalRedisUrl?: string | undefined
  readonly retentionDays?: number | undefined
  readonly officerPassword?: string | undefined
  /** Told, in a few words, what is being started. */
  readonly onStep?: ((step: string) => void) | undefined
}
