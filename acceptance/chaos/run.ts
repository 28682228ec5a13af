/**
 * One run: everything is started, everybody talks, and the plan is carried out. Then all is let come to rest, and
 * reckoned.
 */
import { runningHouse } from '@forewarn/deploy/data-dir'
import { type Clock, liveClock } from '@forewarn/runtime/clock'
import { chanceOf } from '@forewarn/simulators/chance'
import { z } from 'zod'
import { waitFor } from '../wait-for.ts'
import { type Account, openAccount } from './account.ts'
import {
  agentGateway,
  columnsGateway,
  metersOf,
  shuffledGateway,
  skewedGateway,
  steadyGateway,
} from './chaos-district.ts'
import { type Flooding, startFlooding, type WarningsFound, warningsOf } from './flooding.ts'
import { type LedgerFound, ledgerOf } from './ledger.ts'
import { type Fault, named, type PlannedFault, planOf } from './plan.ts'
import { openStoreOf, type Reckoning, reckon } from './reckoning.ts'
import { type Backing, buildSite, type Site } from './site.ts'
import { startMqttTalker, startPushTalker, type Talker } from './talkers.ts'

export interface ChaosOptions {
  readonly seed: number
  /** How often something is killed with -9. */
  readonly kills: number
  readonly backing: Backing
  /** How long the store is away when it goes for long, ms. */
  readonly storeDownMs: number
  /** An empty folder. */
  readonly dir: string
  readonly onEvent?: (line: string) => void
}

export interface ChaosReport extends Reckoning {
  readonly faults: Readonly<Record<string, number>>
  /** From the start of the house's process to its first PUBACK, ms, sorted; only where nothing else came between. */
  readonly recoveriesMs: readonly number[]
  readonly mostResidentBytes: number
  /** Starts that were refused because the disk was full, and made again by the supervisor. */
  readonly refusedStarts: number
  /** What processes said that ended without being told to, for any other reason. */
  readonly endedByThemselves: readonly string[]
  readonly floodedRoads: number
  readonly warnings: WarningsFound
  /** What the house's own ledger says; undefined when it never came to rest. */
  readonly ledger: LedgerFound | undefined
  /** Kinds of faults that this machine does not allow. */
  readonly notTried: readonly string[]
  readonly tookMs: number
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const site = await buildSite(options)
  try {
    return await new Run(site, options).whole()
  } finally {
    await site.tearDown()
  }
}

const hour = 3_600_000

class Run {
  readonly #site: Site
  readonly #options: ChaosOptions
  readonly #clock: Clock = liveClock()
  readonly #account: Account = openAccount()
  readonly #recoveriesMs: number[] = []
  readonly #faults: Record<string, number> = {}
  #mostResidentBytes = 0
  #met = 0
  readonly #ended = new Map<string, number>()
  #refusedStarts = 0
  readonly #lastWords: string[] = []
  /** Counts the deaths of the house, so that a recovery that another death interrupted is not taken for one. */
  #deaths = 0

  constructor(site: Site, options: ChaosOptions) {
    this.#site = site
    this.#options = options
  }

  async whole(): Promise<ChaosReport> {
    const { house, agent, disk, servers } = this.#site
    const beganMs = this.#clock.nowMs()
    const stopWatching = this.#clock.every(500, () => void this.#weigh())
    house.start()
    agent.start()
    const flooding = startFlooding(this.#site, this.#clock)
    const talkers = this.#startTalkers()
    await this.#firstPuback()
    const kinds = [
      ...(['network-cut', 'frozen'] as const),
      ...(disk ? (['disk-full'] as const) : []),
      ...(servers ? (['store-down'] as const) : []),
    ]
    const { seed, kills, storeDownMs } = this.#options
    const ownVictims = servers ? (['store', 'queue', 'database'] as const) : []
    const victims = [...(['house', 'agent', 'all'] as const), ...ownVictims]
    for (const planned of planOf({ seed, kills, storeDownMs, victims, kinds })) await this.#meet(planned, flooding)
    this.#say('rest')
    const { flooded, warnings, ledger } = await this.#comeToRest(talkers, flooding)
    stopWatching()
    await Promise.all([house.terminate(), agent.terminate()])
    return {
      ...(await this.#reckon()),
      faults: this.#faults,
      recoveriesMs: this.#recoveriesMs.sort((a, b) => a - b),
      mostResidentBytes: this.#mostResidentBytes,
      refusedStarts: this.#refusedStarts,
      endedByThemselves: this.#lastWords,
      floodedRoads: flooded.length,
      warnings,
      ledger,
      notTried: disk ? [] : ['disk-full: a small file system cannot be mounted here (needs root)'],
      tookMs: this.#clock.nowMs() - beganMs,
    }
  }

  async #firstPuback(): Promise<void> {
    const { house } = this.#site
    let isThere = false
    void this.#account.nextPuback().then(() => {
      isThere = true
    })
    await waitFor(
      'the first PUBACK',
      () => {
        if (house.endedByItself > 0) throw new Error(`the house does not start: ${house.lastWords()}`)
        return isThere ? true : undefined
      },
      { withinMs: 60_000 },
    )
  }

  #startTalkers(): Talker[] {
    const { district, secrets, mqttUrl, pushUrl } = this.#site
    const parts = (gateway: string) => ({
      districtId: district.id,
      gateway,
      sensors: metersOf(gateway),
      account: this.#account,
      clock: this.#clock,
      chance: chanceOf(this.#options.seed, gateway),
      url: mqttUrl,
      password: secrets.gateways[gateway]?.password ?? '',
    })
    return [
      startMqttTalker(parts(steadyGateway)),
      startMqttTalker(parts(shuffledGateway), { shuffles: true }),
      startMqttTalker(parts(skewedGateway), { skewMs: -27 * hour }),
      startMqttTalker(parts(columnsGateway), { inColumns: true }),
      startPushTalker({ ...parts(agentGateway), pushUrl, token: secrets.pushToken }),
    ]
  }

  async #meet({ afterMs, fault }: PlannedFault, flooding: Flooding): Promise<void> {
    await this.#pause(afterMs)
    if (this.#met++ % 3 === 0) flooding.next()
    this.#say(named(fault))
    const kind = fault.kind === 'kill' ? `kill -9 ${fault.victim}` : fault.kind
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
    await this.#suffer(fault)
  }

  async #suffer(fault: Fault): Promise<void> {
    const { house, link, disk, servers } = this.#site
    switch (fault.kind) {
      case 'kill':
        return await this.#kill(fault)
      case 'network-cut':
        link.cut()
        await this.#pause(fault.forMs)
        return link.restore()
      case 'frozen':
        house.freeze()
        await this.#pause(fault.forMs)
        return house.thaw()
      case 'disk-full':
        await disk?.fill()
        await this.#pause(fault.forMs)
        return await disk?.free()
      case 'store-down':
        await servers?.store.kill()
        await this.#pause(fault.forMs)
        return await servers?.store.start()
    }
  }

  async #kill({ victim, downMs }: Extract<Fault, { kind: 'kill' }>): Promise<void> {
    const isHouse = victim === 'house' || victim === 'all'
    if (isHouse) this.#deaths++
    await this.#site.kill(victim)
    await this.#pause(downMs)
    const revivedMs = this.#clock.nowMs()
    const deaths = this.#deaths
    if (isHouse)
      void this.#account.nextPuback().then(() => {
        if (deaths === this.#deaths) this.#recoveriesMs.push(this.#clock.nowMs() - revivedMs)
      })
    await this.#site.revive(victim)
  }

  /** Everything said is acknowledged, everything acknowledged is stored, every flooded road has its warning. */
  async #comeToRest(talkers: readonly Talker[], flooding: Flooding) {
    const withinMs = 180_000
    await Promise.all(talkers.map(talker => talker.finish()))
    const flooded = await flooding.finish()
    let accepted = -1
    await waitFor(
      'a house that has stored everything',
      async () => {
        await this.#pause(3000)
        const before = accepted
        const figures = await this.#ingestFigures()
        accepted = figures?.['readingsAccepted'] ?? -1
        // The agent empties its outbox when it is connected: at rest nothing new has come for a while.
        return accepted >= 0 && accepted === before && figures?.['journalBehindBytes.store'] === 0 ? true : undefined
      },
      { withinMs },
    )
    const warnings = await waitFor(
      'a warning for every flooded road',
      async () => {
        const found = await warningsOf(this.#site, flooded)
        return found?.missing.length === 0 ? found : undefined
      },
      { withinMs: 60_000 },
    ).catch(() => warningsOf(this.#site, flooded))
    const ledger = await waitFor('a ledger at rest', () => ledgerOf(this.#site), { withinMs: 60_000 }).catch(
      () => undefined,
    )
    return { flooded, warnings: warnings ?? { missing: flooded, twice: [] }, ledger }
  }

  async #ingestFigures(): Promise<Record<string, number> | undefined> {
    const { dataDir, secrets } = this.#site
    const house = await runningHouse(dataDir)
    if (house === undefined) return undefined
    const headers = { authorization: `Bearer ${secrets.innerToken}` }
    const answer = await fetch(new URL('/api/health', house.consoleUrl), { headers }).catch(() => undefined)
    if (answer?.ok !== true) return undefined
    const { processes } = Health.parse(await answer.json())
    return processes.find(({ process }) => process === 'ingest')?.figures
  }

  async #reckon(): Promise<Reckoning> {
    const { district, dataDir, servers } = this.#site
    const store = await openStoreOf({ district, dataDir, influxUrl: servers?.store.url })
    try {
      return await reckon(store, district, this.#account)
    } finally {
      await store.close()
    }
  }

  /** As a supervisor would: what ended by itself is started again. A full disk is a reason, and the only one. */
  #supervise(): void {
    for (const one of [this.#site.house, this.#site.agent]) {
      const known = this.#ended.get(one.name) ?? 0
      if (one.endedByItself === known) continue
      this.#ended.set(one.name, one.endedByItself)
      const words = one.lastWords()
      if (/is full: make room|no space left on device/i.test(words)) this.#refusedStarts++
      else this.#lastWords.push(words)
      this.#say(`${one.name} ended by itself: ${words}`)
      one.start()
    }
  }

  async #weigh(): Promise<void> {
    this.#supervise()
    const bytes = await this.#site.house.residentBytes()
    this.#mostResidentBytes = Math.max(this.#mostResidentBytes, bytes ?? 0)
  }

  #pause(forMs: number): Promise<void> {
    return new Promise(resolve => void this.#clock.after(forMs, resolve))
  }

  #say(what: string): void {
    this.#options.onEvent?.(`${what}  (${this.#account.acknowledgedReadings} readings acknowledged so far)`)
  }
}

const Health = z.object({
  processes: z.array(z.object({ process: z.string(), figures: z.record(z.string(), z.number()).optional() })),
})
