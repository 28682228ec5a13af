/**
 * Server-sent events as text: reading them from a stream and writing them to one.
 * WHATWG HTML §9.2.6 "Interpreting an event stream".
 */

export interface SseMessage {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** Reads messages as they arrive; ends when the stream ends. An event larger than `limit` characters throws. */
export async function* readEvents(stream: AsyncIterable<Uint8Array>, limit = 2 ** 20): AsyncGenerator<SseMessage> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n')
    let end = rest.indexOf('\n\n')
    for (; end !== -1; end = rest.indexOf('\n\n')) {
      const message = parseEvent(rest.slice(0, end))
      rest = rest.slice(end + 2)
      if (message !== undefined) yield message
    }
    if (rest.length > limit) throw new RangeError(`an event is larger than ${limit} characters`)
  }
}

function parseEvent(block: string): SseMessage | undefined {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'id') id = value
    else if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { id, event, data: data.join('\n') }
}

/** One message as it goes over the wire. `data` must be a single line, as JSON is. */
export function writeEvent({ id, event, data }: SseMessage): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`
}
