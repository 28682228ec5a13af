/** The six reasons for which an officer may veto a plan: one tap, and the score can count them. */
import { t } from './language.ts'

const words = ['reasonDry', 'reasonSensor', 'reasonThere', 'reasonElsewhere', 'reasonBlocked', 'reasonTest'] as const

/** In the page's language, in the order of the keys 1 to 6. */
export function vetoReasons(): string[] {
  return words.map(word => t(word))
}
