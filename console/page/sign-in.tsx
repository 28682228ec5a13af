/** Signing in. */
import { useState } from 'preact/hooks'
import type { Greeting, SignedIn } from '../wire.ts'
import type { Word } from './dictionary.ts'
import { say, t } from './language.ts'
import { LanguageSwitch } from './language-switch.tsx'
import { ModeMark } from './mode-mark.tsx'
import { post } from './server.ts'
import { greeting } from './state.ts'

export function SignIn({ greeting: house }: { greeting: Greeting }) {
  const [trouble, setTrouble] = useState<Word | undefined>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const { currentTarget } = event
    if (busy || !(currentTarget instanceof HTMLFormElement)) return
    const fields = new FormData(currentTarget)
    setBusy(true)
    const reply = await post<SignedIn>('/api/sign-in', { name: fields.get('name'), password: fields.get('password') })
    setBusy(false)
    if (reply.ok) greeting.value = { ...house, officer: reply.body }
    else setTrouble(troubleOf(reply.status))
  }
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <div class="sign-in-head">
          <h1>{t('signInTitle', { district: say(house.districtName) })}</h1>
          <ModeMark mode={house.mode} />
        </div>
        <label>
          {t('name')}
          <input name="name" autocomplete="username" required autofocus />
        </label>
        <label>
          {t('password')}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class="trouble" role="alert">
          {trouble === undefined ? '' : t(trouble)}
        </p>
        <button type="submit" class="main-button" disabled={busy}>
          {t('signIn')}
        </button>
      </form>
      <LanguageSwitch />
    </main>
  )
}

function troubleOf(status: number): Word {
  if (status === 401 || status === 422) return 'wrongCredentials'
  return status === 429 ? 'tooManyTries' : 'noAnswer'
}
