/** The keyboard: one key for each deed. Keys with Ctrl, Alt or Meta belong to the browser, and typing is typing. */
import { act, choose, liveOrders } from './commands.ts'
import { isUnacknowledged } from './order.ts'
import { helpOpen, listOrder, selected, vetoOpen, view } from './state.ts'
import { vetoReasons } from './veto-reasons.ts'

let afterG = false

/** Listens on the whole page. */
export function listenToKeys(): void {
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event.target)) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const handled = afterG ? second(key) : first(key)
    afterG = !afterG && key === 'g'
    if (handled) event.preventDefault()
  })
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
}

function second(key: string): boolean {
  if (key !== 's') return first(key)
  view.value = 'system'
  return true
}

function first(key: string): boolean {
  if (key === 'Escape') return close()
  if (key === '?') return toggleHelp()
  if (view.value !== 'duty') return false
  if (vetoOpen.value && pickReason(key)) return true
  if (key === 'j') return move(1)
  if (key === 'k') return move(-1)
  return deed(key)
}

function deed(key: string): boolean {
  const warning = selected.value
  if (warning === undefined) return false
  if (key === 'e') act('escalate')
  else if (key === 'x' && liveOrders(warning).length > 0) vetoOpen.value = true
  else if (key === 'a' && isUnacknowledged(warning)) act(mainAction())
  else if (key === 's' && isUnacknowledged(warning)) act('acknowledge')
  else return false
  return true
}

/** What the big button and the key A do: with a plan they also send it. */
export function mainAction(): 'acknowledge' | 'acknowledge-and-dispatch' {
  const warning = selected.value
  return warning !== undefined && liveOrders(warning).length > 0 ? 'acknowledge-and-dispatch' : 'acknowledge'
}

function pickReason(key: string): boolean {
  const reason = vetoReasons()[Number(key) - 1]
  if (reason === undefined) return false
  act('veto', reason)
  return true
}

function close(): boolean {
  if (helpOpen.value) helpOpen.value = false
  else if (vetoOpen.value) vetoOpen.value = false
  else if (view.value !== 'duty') view.value = 'duty'
  else return false
  return true
}

function toggleHelp(): boolean {
  helpOpen.value = !helpOpen.value
  return true
}

/** Moves the selection along the list as it stands on screen. */
export function move(by: 1 | -1): boolean {
  const { ids } = listOrder.value
  if (ids.length === 0) return false
  const at = ids.indexOf(selected.value?.id ?? '')
  const next = ids[Math.min(ids.length - 1, Math.max(0, at + by))]
  if (next === undefined) return false
  choose(next)
  document.getElementById(`row-${next}`)?.scrollIntoView({ block: 'nearest' })
  return true
}
