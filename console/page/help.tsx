/** The list of keys. Not in the way of anything: it opens on request and closes with any Escape. */
import { t } from './language.ts'
import { helpOpen } from './state.ts'

export function Help() {
  if (!helpOpen.value) return null
  const keys: readonly (readonly [string, string])[] = [
    ['A', t('confirmAndSend')],
    ['S', t('confirmOnly')],
    ['X', t('veto')],
    ['E', t('escalate')],
    ['J K', t('helpMove')],
    ['G S', t('helpSystem')],
    ['?', t('helpHelp')],
    ['Esc', t('helpEscape')],
  ]
  return (
    <section class="help" aria-label={t('help')}>
      <div class="section-head">
        <h2>{t('help')}</h2>
        <button type="button" class="quiet-button" onClick={() => (helpOpen.value = false)}>
          {t('close')}
        </button>
      </div>
      <dl>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p>{t('helpMap')}</p>
    </section>
  )
}
