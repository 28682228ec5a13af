/** The plan: who goes, how far, when they are there, and by how much before the water. */
import type { Order } from '@forewarn/contracts/order'
import type { Warning } from '@forewarn/contracts/warning'
import type { Word } from './dictionary.ts'
import { clockTime, grouped, signed, stopwatch } from './format.ts'
import { say, t } from './language.ts'
import { isUnacknowledged } from './order.ts'
import { nowMs, unitOf, zone } from './state.ts'

export const orderWords: Record<Order['state'], Word> = {
  proposed: 'proposed',
  reserved: 'reserved',
  moving: 'moving',
  staged: 'staged',
  working: 'working',
  released: 'released',
  'stood-down': 'stoodDown',
}

export function Plan({ warning }: { warning: Warning }) {
  if (warning.orders.length === 0) return null
  return (
    <section class="plan">
      <div class="section-head">
        <h3>{t('plan')}</h3>
        <Countdowns warning={warning} />
      </div>
      <table>
        <thead>
          <tr>
            <th>{t('unit')}</th>
            <th class="number">{t('km')}</th>
            <th>{t('arrives')}</th>
            <th class="number">{t('margin')}</th>
            <th>{t('status')}</th>
          </tr>
        </thead>
        <tbody>
          {warning.orders.map(order => (
            <OrderRow key={order.id} order={order} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function OrderRow({ order }: { order: Order }) {
  const unit = unitOf(order.unitId)
  const arrivedMs = order.stagedAtMs
  const inMin = Math.round((order.expectedArrivalAtMs - nowMs.value) / 60_000)
  const late = order.marginMin !== undefined && order.marginMin < 0
  return (
    <tr class={`order order-${order.state}`}>
      <td>
        {unit === undefined ? order.unitId : say(unit.name)}
        <span class="order-note">
          {unit === undefined
            ? ''
            : unit.capacityM3PerHour > 0
              ? ` ${grouped(unit.capacityM3PerHour)} m³/h`
              : ` ${t('crew', { n: unit.crew })}`}
        </span>
      </td>
      <td class="number">{(order.routeM / 1000).toFixed(1)}</td>
      <td>
        {clockTime(arrivedMs ?? order.expectedArrivalAtMs, zone())}
        {arrivedMs === undefined && inMin >= 0 && <span class="order-note"> ({signed(inMin)})</span>}
      </td>
      <td class={late ? 'number late' : 'number'}>
        {order.marginMin === undefined ? '—' : t('marginMin', { n: signed(order.marginMin) })}
      </td>
      <td>{t(orderWords[order.state])}</td>
    </tr>
  )
}

/** What happens by itself unless a person acts: the truck leaves, or the next person is rung. */
function Countdowns({ warning }: { warning: Warning }) {
  const vetoUntilMs = warning.orders.find(
    order => order.state === 'reserved' && (order.vetoUntilMs ?? 0) > nowMs.value,
  )?.vetoUntilMs
  if (vetoUntilMs === undefined || !isUnacknowledged(warning)) return null
  return <strong class="countdown">{t('vetoLeft', { time: stopwatch(vetoUntilMs - nowMs.value) })}</strong>
}
