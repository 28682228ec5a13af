/** Chinese or English. */
import { language, speak, t } from './language.ts'

export function LanguageSwitch() {
  return (
    <div class="language" role="group" aria-label={t('language')}>
      <button type="button" lang="zh-CN" aria-pressed={language.value === 'zh'} onClick={() => speak('zh')}>
        中
      </button>
      <button type="button" lang="en" aria-pressed={language.value === 'en'} onClick={() => speak('en')}>
        EN
      </button>
    </div>
  )
}
