/** What the page cannot vouch for, in black across its width. Part of the layout: it never covers anything. */
import { age, clockSeconds } from './format.ts'
import { t } from './language.ts'
import { alertsLive, dataAgeMs, figures, linkLostAtMs, nowMs, troubles, zone } from './state.ts'

export function Banners() {
  const said = sentences()
  if (said.length === 0) return <div class="banners" />
  return (
    <div class="banners" role="alert">
      {said.map(sentence => (
        <p key={sentence} class="banner">
          {sentence}
        </p>
      ))}
    </div>
  )
}

function sentences(): string[] {
  const lost = linkLostAtMs.value
  // Without a link everything else is unknown as well: one sentence is enough.
  if (lost !== null) return [t('linkLost', { age: age(nowMs.value - lost), time: clockSeconds(lost, zone()) })]
  const since = dataAgeMs.value
  const oldAfterMs = figures.value?.oldAfterMs ?? Number.POSITIVE_INFINITY
  return [
    ...(alertsLive.value ? [] : [t('alertsLost')]),
    ...(since !== null && since > oldAfterMs ? [t('dataOld', { age: age(since) })] : []),
    ...troubles.value.filter(isNews).map(({ process, detail }) => t('processSilent', { process, detail })),
  ]
}

/** The broken line to `alerts` has its own sentence. */
function isNews({ process }: { process: string }): boolean {
  return alertsLive.value || process !== 'alerts'
}
