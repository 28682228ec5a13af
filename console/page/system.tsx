/** The state of the system: every process with its checks and remedies, and what was kept aside at the door. */
import type { Check, QuarantineReport } from '@forewarn/contracts/health'
import { useEffect, useState } from 'preact/hooks'
import type { HouseHealth, ProcessView } from '../wire.ts'
import type { Word } from './dictionary.ts'
import { clockSeconds, grouped } from './format.ts'
import { t } from './language.ts'
import { ask } from './server.ts'
import { view, zone } from './state.ts'

const refreshWallMs = 3000

export function SystemPage() {
  const [health, setHealth] = useState<HouseHealth | undefined>()
  const [quarantine, setQuarantine] = useState<QuarantineReport | undefined>()
  useEffect(() => {
    const load = async () => {
      const [house, aside] = await Promise.all([
        ask<HouseHealth>('/api/health'),
        ask<QuarantineReport>('/api/quarantine'),
      ])
      if (house.ok) setHealth(house.body)
      setQuarantine(aside.ok ? aside.body : undefined)
    }
    void load()
    const timer = setInterval(() => void load(), refreshWallMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <main class="system">
      <div class="system-head">
        <h1>{t('systemTitle')}</h1>
        {health !== undefined && <time>{clockSeconds(health.atMs, zone())}</time>}
        <button type="button" class="side-button" onClick={() => (view.value = 'duty')}>
          {t('back')} <kbd>Esc</kbd>
        </button>
      </div>
      {health === undefined ? <p>{t('loading')}</p> : <Processes health={health} />}
      <Quarantine report={quarantine} />
    </main>
  )
}

function Processes({ health }: { health: HouseHealth }) {
  return (
    <div class="processes">
      {health.processes.map(process => (
        <Process key={process.process} process={process} />
      ))}
    </div>
  )
}

const statusWords: Record<Check['status'], Word> = { ok: 'ok', warning: 'warningStatus', failed: 'failed' }

function Process({ process }: { process: ProcessView }) {
  const figures = Object.entries(process.figures)
  return (
    <section class={process.answered ? 'process' : 'process hatched'}>
      <div class="section-head">
        <h2>{process.process}</h2>
        {!process.answered && <strong>{t('notAnswering')}</strong>}
      </div>
      <ul>
        {process.checks.map(check => (
          <li key={check.name} class={`check check-${check.status}`}>
            <span class="check-status">{t(statusWords[check.status])}</span>
            <div>
              <span class="check-name">{check.name}</span> {check.detail}
              {check.remedy !== '' && <p class="remedy">{t('remedy', { remedy: check.remedy })}</p>}
            </div>
          </li>
        ))}
      </ul>
      {figures.length > 0 && (
        <dl class="process-figures">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{grouped(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  )
}

function Quarantine({ report }: { report: QuarantineReport | undefined }) {
  const counts = Object.entries(report?.counts ?? {})
  return (
    <section class="quarantine">
      <div class="section-head">
        <h2>{t('quarantine')}</h2>
        <span>{counts.map(([reason, n]) => `${reason} ${n}`).join(' · ')}</span>
      </div>
      {report === undefined && <p>{t('unknown')}</p>}
      {report !== undefined && report.newest.length === 0 && <p>{t('quarantineNone')}</p>}
      <ul>
        {report?.newest.map(one => (
          <li key={`${one.atMs}-${one.topic}-${one.detail}`}>
            <p>
              <time>{clockSeconds(one.atMs, zone())}</time> <strong>{one.reason}</strong> {one.gateway} · {one.detail} ·{' '}
              {t(one.kept ? 'kept' : 'notKept')}
            </p>
            <details>
              <summary>
                {t('original')} · {one.topic}
              </summary>
              <pre tabIndex={0}>{one.original}</pre>
            </details>
          </li>
        ))}
      </ul>
    </section>
  )
}
