/**
 * The Sparkplug edge nodes behind gateways: the session of each, and its birth certificates on disk, so that a house
 * that restarts still knows what an alias stands for.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '@forewarn/journal/durable-file'
import { parseSparkplugPayload, type SparkplugPayload } from '@forewarn/protocols/sparkplug/payload'
import { type Heard, hearSparkplug, type SparkplugSession, unbornSession } from '@forewarn/protocols/sparkplug/session'
import type { SparkplugAddress } from '@forewarn/protocols/sparkplug/topic'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'

export interface SparkplugNodes {
  /** Takes a message of a node; `kept` resolves once a birth in it is on disk. */
  hear(message: NodeMessage): { readonly heard: Heard; readonly kept?: Promise<void> }
  /** The session as it stands, for a message that is read a second time. */
  session(gateway: string, address: SparkplugAddress): SparkplugSession
}

export interface NodeMessage {
  readonly gateway: string
  readonly address: SparkplugAddress
  readonly payload: SparkplugPayload
  readonly bytes: Uint8Array
  readonly receivedAtMs: number
}

/** A gateway cannot make this grow for ever: what is beyond is not remembered, and asked for again. */
const nodesPerGateway = 500
const birthsAtMostBytes = 2 * 1024 * 1024

const NodeFile = z.object({
  gateway: z.string(),
  group: z.string(),
  edge: z.string(),
  /** Certificates in base64: the node's own first, then its devices'. */
  births: z.array(z.object({ device: z.string().optional(), payload: z.string() })),
})
type NodeFile = z.infer<typeof NodeFile>

interface Node {
  session: SparkplugSession
  file: NodeFile
  writing: Promise<void>
}

/** Opens the folder (made when missing) and hears the births in it again. */
export function openSparkplugNodes({ dir, log }: { dir: string; log: Log }): SparkplugNodes {
  mkdirSync(dir, { recursive: true })
  const nodes = new Map<string, Node>()
  const counts = new Map<string, number>()
  const add = (key: string, node: Node) => {
    const { gateway } = node.file
    nodes.set(key, node)
    counts.set(gateway, (counts.get(gateway) ?? 0) + 1)
  }
  for (const name of readdirSync(dir)) {
    const file = name.endsWith('.json') ? readFile(join(dir, name), log) : undefined
    if (file !== undefined) add(keyOf(file.gateway, file), bornAgain(file))
  }

  const nodeOf = (gateway: string, { group, edge }: SparkplugAddress): Node => {
    const key = keyOf(gateway, { group, edge })
    const known = nodes.get(key)
    if (known !== undefined) return known
    const fresh: Node = {
      session: unbornSession,
      file: { gateway, group, edge, births: [] },
      writing: Promise.resolve(),
    }
    if ((counts.get(gateway) ?? 0) < nodesPerGateway) add(key, fresh)
    return fresh
  }

  const keep = (node: Node, { address, bytes }: NodeMessage): Promise<void> => {
    const { device, message } = address
    const payload = Buffer.from(bytes).toString('base64')
    // A birth of the node is a new beginning for its devices too (Sparkplug 3.0 §6.4.5).
    const others = message === 'NBIRTH' ? [] : node.file.births.filter(birth => birth.device !== device)
    const births = [...others, { ...(device !== undefined && { device }), payload }]
    const bytesOfAll = births.reduce((sum, birth) => sum + birth.payload.length, 0)
    if (bytesOfAll > birthsAtMostBytes) return node.writing
    node.file = { ...node.file, births }
    const path = join(dir, `${fileNameOf(node.file)}.json`)
    const write = () => replaceFile(path, JSON.stringify(node.file))
    // Whatever became of the one before: this one holds all that is known.
    node.writing = node.writing.then(write, write)
    return node.writing
  }

  return {
    hear(message) {
      const node = nodeOf(message.gateway, message.address)
      const heard = hearSparkplug(node.session, message)
      node.session = heard.session
      const isBirth = message.address.message === 'NBIRTH' || message.address.message === 'DBIRTH'
      return isBirth ? { heard, kept: keep(node, message) } : { heard }
    },
    session: (gateway, address) => nodes.get(keyOf(gateway, address))?.session ?? unbornSession,
  }
}

function keyOf(gateway: string, { group, edge }: Pick<SparkplugAddress, 'group' | 'edge'>): string {
  return `${gateway}/${group}/${edge}`
}

/** Names of groups and nodes may hold anything but slashes, plus and hash: no names for files. */
function fileNameOf({ gateway, group, edge }: NodeFile): string {
  return createHash('sha256').update(keyOf(gateway, { group, edge })).digest('hex').slice(0, 24)
}

function bornAgain(file: NodeFile): Node {
  let session = unbornSession
  const { group, edge } = file
  for (const { device, payload } of file.births) {
    const parsed = parseSparkplugPayload(Buffer.from(payload, 'base64'))
    if (typeof parsed === 'string') continue
    const address: SparkplugAddress =
      device === undefined ? { group, edge, message: 'NBIRTH' } : { group, edge, device, message: 'DBIRTH' }
    session = hearSparkplug(session, { address, payload: parsed, receivedAtMs: 0 }).session
  }
  return { session: { ...session, rebirthWantedAtMs: undefined }, file, writing: Promise.resolve() }
}

function readFile(path: string, log: Log): NodeFile | undefined {
  try {
    return NodeFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    // Its node is asked for its birth again with the first message that nobody can read.
    log.error('birth-not-read', { path, reason: String(cause) })
    return undefined
  }
}
