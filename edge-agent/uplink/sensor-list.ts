/**
 * The numbered list of sensor names that a gateway declares at birth and that its columns count in. It only grows:
 * an index, once declared, keeps its meaning for as long as the birth number stands.
 */
import { join } from 'node:path'
import { readIfThereSync, replaceFile } from '@forewarn/runtime/kept-file'
import { z } from 'zod'
import type { DeclaredNames } from './wording.ts'

/** Of names in one birth message, with quotes and commas: a broker of ours cuts packets of 256 kB. */
const birthAtMostBytes = 180_000

const Kept = z.object({ birth: z.number().int().nonnegative(), sensors: z.array(z.string().min(1)) })

export interface SensorList extends DeclaredNames {
  readonly sensors: readonly string[]
  /** Notes a name that is not in the list; false when it is there already or finds no room. */
  learn(name: string): boolean
  /** Takes the learnt names into the list under a new birth number. Resolves once that is on disk. */
  renew(): Promise<void>
}

/** Opens the list in `dir`; `configured` names come first when it is new. Throws when the file is none of ours. */
export function openSensorList(dir: string, configured: readonly string[]): SensorList {
  return new KeptList(join(dir, 'sensors.json'), configured)
}

class KeptList implements SensorList {
  #path: string
  #learnt = new Set<string>()
  #bytes = 0
  birth = 0
  sensors: string[] = []
  indexOf = new Map<string, number>()

  constructor(path: string, configured: readonly string[]) {
    this.#path = path
    const kept = readKept(path)
    this.birth = kept?.birth ?? 0
    for (const name of kept?.sensors ?? []) this.#add(name)
    for (const name of configured) this.learn(name)
  }

  #add(name: string): void {
    this.indexOf.set(name, this.sensors.length)
    this.sensors.push(name)
    this.#bytes += bytesOf(name)
  }

  learn(name: string): boolean {
    if (this.indexOf.has(name) || this.#learnt.has(name)) return false
    if (this.#bytes + bytesOf(name) > birthAtMostBytes) return false
    this.#learnt.add(name)
    return true
  }

  async renew(): Promise<void> {
    if (this.#learnt.size === 0) return
    const learnt = [...this.#learnt].filter(name => this.#bytes + bytesOf(name) <= birthAtMostBytes)
    this.#learnt.clear()
    for (const name of learnt) this.#add(name)
    this.birth++
    const text = JSON.stringify({ birth: this.birth, sensors: this.sensors })
    await replaceFile(this.#path, text)
  }
}

function bytesOf(name: string): number {
  return Buffer.byteLength(name) + 3
}

function readKept(path: string): z.infer<typeof Kept> | undefined {
  const bytes = readIfThereSync(path)
  return bytes === undefined ? undefined : Kept.parse(JSON.parse(String(bytes)))
}
