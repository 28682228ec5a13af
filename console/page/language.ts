/** The language the page speaks, and saying things in it. */
import type { Language, Text } from '@forewarn/contracts/text'
import { signal } from '@preact/signals'
import { en, type Word, zh } from './dictionary.ts'

const storageKey = 'forewarn-language'

function firstLanguage(): Language {
  const kept = localStorage.getItem(storageKey)
  if (kept === 'zh' || kept === 'en') return kept
  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}

export const language = signal<Language>(firstLanguage())

/** Changes the language, on this device for good. */
export function speak(chosen: Language): void {
  language.value = chosen
  localStorage.setItem(storageKey, chosen)
}

/** A word or sentence of the page, with its gaps filled. */
export function t(word: Word, gaps: Readonly<Record<string, string | number>> = {}): string {
  const sentence = (language.value === 'zh' ? zh : en)[word]
  return sentence.replace(/\{(\w+)\}/g, (gap, name: string) => String(gaps[name] ?? gap))
}

/** A name or sentence of the house in the page's language. */
export function say(text: Text): string {
  return text[language.value]
}
