/**
 * The district that is put under fire: gateways that talk over MQTT themselves, one behind an agent, and one
 * whose roads flood now and then.
 */
import type { District } from '@forewarn/contracts/district'
import { smallDistrict } from '../small-district.ts'

export const steadyGateway = 'gw-steady'
export const shuffledGateway = 'gw-shuffled'
export const skewedGateway = 'gw-skewed'
export const columnsGateway = 'gw-columns'
export const agentGateway = 'gw-agent'
export const roadsGateway = 'gw-roads'

const sensorsEach = 10
export const roads: readonly string[] = Array.from({ length: 40 }, (_, index) => `road-${index}`)

export function metersOf(gateway: string): string[] {
  return Array.from({ length: sensorsEach }, (_, index) => `${gateway}.meter-${index}`)
}

/** The talkers' sensors measure power: any number is a measurement, and no rule watches them. */
export function chaosDistrict(): District {
  const base = smallDistrict({ roads: { [roadsGateway]: roads }, periodS: 86_400 })
  const position = base.places[0]?.position ?? { lon: 121.45, lat: 31.23, crs: 'WGS-84' }
  const talkers = [steadyGateway, shuffledGateway, skewedGateway, columnsGateway, agentGateway]
  return {
    ...base,
    gateways: [...base.gateways, ...talkers.map(id => ({ id, kind: 'field' as const }))],
    sensors: [
      ...base.sensors,
      ...talkers.flatMap(gateway =>
        metersOf(gateway).map(id => ({ id, quantity: 'power_load' as const, gateway, position, periodS: 86_400 })),
      ),
    ],
  }
}
