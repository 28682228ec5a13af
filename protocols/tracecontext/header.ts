/**
 * The headers of W3C Trace Context: `traceparent`, which says which trace a message belongs to, and `tracestate`.
 */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly parentId: string
  readonly sampled: boolean
}

const parent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Reads a traceparent. Returns a sentence about what is wrong when it is none. */
export function parseTraceparent(header: string): TraceParent | string {
  const [, version, traceId, parentId, flags, more] = parent.exec(trimmed(header)) ?? []
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined)
    return 'a traceparent is version-traceid-parentid-flags in small hex digits'
  if (version === 'ff') return 'version ff is not allowed'
  // A later version may say more; this one says all that there is.
  if (version === '00' && more !== undefined) return 'version 00 has four parts'
  if (/^0+$/.test(traceId)) return 'a trace id is not all zeros'
  if (/^0+$/.test(parentId)) return 'a parent id is not all zeros'
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export interface TraceStateMember {
  readonly key: string
  readonly value: string
}

const key = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/
const value = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const longest = 8192

/** Reads a tracestate: its members in order, empty ones left out. Returns a sentence when it is none. */
export function parseTracestate(header: string): TraceStateMember[] | string {
  if (header.length > longest) return `longer than ${longest} characters`
  const members: TraceStateMember[] = []
  for (const written of header.split(',').map(trimmed)) {
    if (written === '') continue
    const equals = written.indexOf('=')
    const member = { key: written.slice(0, equals), value: written.slice(equals + 1) }
    if (equals < 0 || !key.test(member.key)) return `${written.slice(0, 40)} has no right key`
    if (!value.test(member.value)) return `${member.key} has no right value`
    if (members.some(other => other.key === member.key)) return `${member.key} twice`
    members.push(member)
  }
  return members
}

function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}
