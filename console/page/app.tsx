/** Which page is shown: sign-in, duty, or the system's state. */
import { effect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Banners } from './banners.tsx'
import { followCharts } from './charts.ts'
import { noteSelection, sendQueued } from './commands.ts'
import { Detail } from './detail.tsx'
import { Header } from './header.tsx'
import { Help } from './help.tsx'
import { listenToKeys } from './keys.ts'
import { language, say, t } from './language.ts'
import { letterWord, shownLevels } from './levels.ts'
import { WarningList } from './list.tsx'
import { goLive } from './live.ts'
import { DistrictMap } from './map/map.tsx'
import { Readiness } from './readiness.tsx'
import { SignIn } from './sign-in.tsx'
import { announcement, district, greeting, loaded, notice, selected, unacknowledged, view } from './state.ts'
import { Strip } from './strip.tsx'
import { SystemPage } from './system.tsx'

let live = false

export function App() {
  const officer = greeting.value?.officer
  useEffect(() => {
    if (!officer || live) return
    live = true
    goLive(sendQueued)
    followCharts()
    listenToKeys()
    effect(() => noteSelection(selected.value?.id))
  }, [officer])
  useEffect(() => effect(nameThePage), [])
  if (greeting.value === undefined) return <main class="waiting">{t('loading')}</main>
  if (!officer) return <SignIn greeting={greeting.value} />
  if (district.value === undefined || !loaded.value) return <main class="waiting">{t('loading')}</main>
  return <Console />
}

function Console() {
  return (
    <div class={`console mode-${district.value?.mode ?? 'actual'}`}>
      <Header />
      <Banners />
      {view.value === 'system' ? <SystemPage /> : <Duty />}
      <Help />
      <div class="announcer" aria-live="assertive">
        {announcement.value}
      </div>
      {notice.value !== null && (
        <div class="notice" role="alert">
          {notice.value}
        </div>
      )}
    </div>
  )
}

function Duty() {
  const calm = selected.value === undefined
  return (
    <main class={calm ? 'duty calm' : 'duty'}>
      <h1 class="announcer">{t('duty')}</h1>
      <WarningList />
      <DistrictMap />
      <Strip />
      {calm ? <Readiness /> : <Detail />}
    </main>
  )
}

/** The tab tells what waits, so that it is seen from another tab: (2橙). */
function nameThePage(): void {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  const name = greeting.value === undefined ? 'Forewarn' : `${say(greeting.value.districtName)} · ${t('duty')}`
  const waiting = unacknowledged.value
  const worst = shownLevels.find(level => waiting.some(warning => warning.level === level))
  if (worst === undefined) {
    document.title = name
    return
  }
  const word = letterWord(worst)
  const count = waiting.filter(warning => warning.level === worst).length
  document.title = `(${count}${word === undefined ? '?' : t(word)}) ${name}`
}
