/**
 * Asking our own server. What it says was parsed there and comes from the same build, so it is taken by its type
 * here; everything that can go wrong on the way is a value.
 */
import type { CommandAnswer } from '@forewarn/contracts/alerts-api'

export type Reply<T> =
  | { readonly ok: true; readonly body: T }
  /** `status` 0: nothing came back at all. */
  | { readonly ok: false; readonly status: number; readonly code: string; readonly title: string }

export async function ask<T>(path: string, init: RequestInit = {}): Promise<Reply<T>> {
  let response: Response
  try {
    response = await fetch(path, { credentials: 'same-origin', signal: AbortSignal.timeout(8000), ...init })
  } catch (error) {
    return { ok: false, status: 0, code: 'no-answer', title: String(error) }
  }
  try {
    const body = response.status === 204 ? undefined : await response.json()
    if (response.ok) return { ok: true, body }
    return { ok: false, status: response.status, code: body?.code ?? '', title: body?.title ?? response.statusText }
  } catch (error) {
    return { ok: false, status: response.ok ? 0 : response.status, code: 'not-json', title: String(error) }
  }
}

export function post<T>(path: string, body: unknown): Promise<Reply<T>> {
  return ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

/** A command's answer also travels with 404, 409 and 422; undefined when nothing sensible came back. */
export async function postCommand(body: unknown): Promise<{ status: number; answer?: CommandAnswer }> {
  try {
    const response = await fetch('/api/commands', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    })
    const json = await response.json()
    return typeof json?.result === 'string' ? { status: response.status, answer: json } : { status: response.status }
  } catch {
    // No connection, no answer in time, or no JSON: to the officer it is all one, the command is kept and sent again.
    return { status: 0 }
  }
}
