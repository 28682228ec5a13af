/** The curves of the selected place: observed and forecast, asked for anew every few seconds while they are shown. */
import type { Forecast } from '@forewarn/contracts/episode'
import type { PlaceForecast } from '@forewarn/contracts/rules-api'
import { computed, effect, signal } from '@preact/signals'
import type { Series } from '../wire.ts'
import { ask } from './server.ts'
import { selected } from './state.ts'

const refreshWallMs = 5000

/** `null`: the store does not answer. */
export const series = signal<{ placeId: string; series: Series | null } | undefined>(undefined)
const newestForecast = signal<{ placeId: string; forecast: Forecast } | undefined>(undefined)

/** The newest forecast for the selected warning: from the rules, else the one it was raised with. */
export const forecast = computed<Forecast | undefined>(() => {
  const warning = selected.value
  if (warning === undefined) return undefined
  const own = warning.evidence.forecast
  const newer = newestForecast.value
  if (newer?.placeId !== warning.placeId) return own
  return own !== undefined && own.issuedAtMs > newer.forecast.issuedAtMs ? own : newer.forecast
})

const wish = computed(() => {
  const warning = selected.value
  if (warning === undefined) return undefined
  const quantity = warning.evidence.readings.find(reading => reading.quantity !== 'rain')?.quantity
  return JSON.stringify([warning.placeId, quantity ?? ''])
})

/** Starts following the selection. */
export function followCharts(): void {
  effect(() => {
    const key = wish.value
    if (key === undefined) return
    const [placeId, quantity]: [string, string] = JSON.parse(key)
    let stopped = false
    const load = async () => {
      await Promise.all([loadSeries(placeId, quantity, () => stopped), loadForecast(placeId, () => stopped)])
      if (!stopped) timer = setTimeout(() => void load(), refreshWallMs)
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    void load()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  })
}

async function loadSeries(placeId: string, quantity: string, isStale: () => boolean): Promise<void> {
  const query = new URLSearchParams({ place: placeId, ...(quantity === '' ? {} : { quantity }) })
  const reply = await ask<Series>(`/api/series?${query}`)
  if (isStale()) return
  if (reply.ok) series.value = { placeId, series: reply.body }
  // A lost link leaves the last curve on screen; the banner says how old it is.
  else if (reply.status === 503) series.value = { placeId, series: null }
}

async function loadForecast(placeId: string, isStale: () => boolean): Promise<void> {
  const reply = await ask<PlaceForecast>(`/api/forecast/${encodeURIComponent(placeId)}`)
  if (isStale() || !reply.ok || reply.body.forecast === undefined) return
  newestForecast.value = { placeId, forecast: reply.body.forecast }
}
