/**
 * Starts the console's server: the built page, signing in, and the page's API.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import type { District } from '@forewarn/contracts/district'
import type { MapLayers } from '@forewarn/contracts/geography'
import type { Mode } from '@forewarn/contracts/mode'
import { type Clock, liveClock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { ReadingStore } from '@forewarn/store/reading-store'
import Fastify, { type FastifyInstance } from 'fastify'
import { type ApiOptions, apiRoutes } from './api.ts'
import { isInnerCall, officerOf, refuse, secureHeaders } from './doors.ts'
import { figuresOf } from './figures.ts'
import { innerWires } from './inner-wires.ts'
import { startRelay } from './relay.ts'
import { type Officer, signInRoutes, tooManyTries } from './sign-in.ts'
import type { Greeting, HealthNotice, Tick, Trouble } from './wire.ts'

export interface ConsoleOptions {
  readonly district: District
  readonly mapLayers: MapLayers
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly alertsUrl: string
  readonly rulesUrl: string
  readonly ingestUrl: string
  /** Of the broker's inner server, for its health. */
  readonly brokerUrl?: string | undefined
  readonly innerToken: string
  readonly store: ReadingStore
  readonly officers: readonly Officer[]
  /** Signs sessions; the same after a restart keeps everyone signed in. At least 32 characters. */
  readonly sessionSecret: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly mode: Mode
  /** Where officers reach it when a proxy stands in front, e.g. https://forewarn.example. https makes cookies Secure. */
  readonly publicUrl?: string
  /** The built page; without it console/dist. */
  readonly pageDir?: string
  /** Sign-in tries a minute from one address. */
  readonly triesPerMinute?: number
}

export interface RunningConsole {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

/** The console cannot start. Stable: callers branch on `code`. */
export class ConsoleError extends Error {
  readonly code: 'console-page-missing' | 'session-secret-too-short'

  constructor(code: ConsoleError['code'], message: string) {
    super(message)
    this.name = 'ConsoleError'
    this.code = code
  }
}

/** Starts it and resolves once it listens. Rejects with a ConsoleError, or with the listen error (`EADDRINUSE`). */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const pageDir = options.pageDir ?? join(import.meta.dirname, 'dist')
  await refuseToStartWithout(pageDir, options.sessionSecret)
  const wall = liveClock()
  const keys = { innerToken: options.innerToken, sessionSecret: options.sessionSecret, wallMs: () => wall.nowMs() }
  const api = apiOptions(options, keys)
  const server = Fastify({
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    trustProxy: options.publicUrl !== undefined,
  })
  await server.register(cookie)
  await server.register(rateLimit, { global: false, errorResponseBuilder: () => tooManyTries })
  const https = options.publicUrl?.startsWith('https:') ?? false
  server.addHook('onRequest', async (_request, reply) => secureHeaders(reply, { https }))
  await openPages(server, pageDir)
  signInRoutes(server, {
    ...options,
    publicUrl: options.publicUrl,
    wall,
    triesPerMinute: options.triesPerMinute ?? 10,
  })
  greetingRoute(server, api)
  await server.register(async guarded => {
    guarded.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store')
      if (isInnerCall(request, keys) || officerOf(request, keys) !== undefined) return
      return refuse(reply, { title: 'sign in first', status: 401, code: 'not-signed-in' })
    })
    apiRoutes(guarded, api)
  })
  const stopNews = tellNews(api)
  const url = await listen(server, options, () => (stopNews(), api.relay.stop()))
  options.log.info('console-started', { url })
  return {
    url,
    port: Number(new URL(url).port),
    async stop() {
      stopNews()
      api.relay.stop()
      await server.close()
    },
  }
}

async function listen(server: FastifyInstance, { host, port }: ConsoleOptions, undo: () => void): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (error) {
    undo()
    throw error
  }
}

async function refuseToStartWithout(pageDir: string, sessionSecret: string): Promise<void> {
  if (sessionSecret.length < 32) {
    throw new ConsoleError('session-secret-too-short', 'the session secret needs at least 32 characters')
  }
  try {
    await access(join(pageDir, 'index.html'))
  } catch {
    // Whatever the cause, the remedy is the same, and it is in the message.
    throw new ConsoleError(
      'console-page-missing',
      `the console's page is not built (${pageDir}); run: npm start, or node console/build.ts`,
    )
  }
}

function apiOptions(options: ConsoleOptions, keys: ApiOptions['keys']): ApiOptions {
  const { district, store, clock, log, metrics, alertsUrl, innerToken } = options
  return {
    ...options,
    publicUrl: options.publicUrl,
    keys,
    wires: innerWires(options),
    relay: startRelay({ alertsUrl, innerToken, log, metrics }),
    figures: figuresOf({
      district,
      store,
      nowMs: () => clock.nowMs(),
      speed: clock.speed,
      wallMs: () => performance.now(),
    }),
  }
}

async function openPages(server: FastifyInstance, pageDir: string): Promise<void> {
  await server.register(fastifyStatic, {
    root: pageDir,
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      // Vite puts a hash of the content into the names of assets; index.html always has to be asked for.
      reply.header('cache-control', /[/\\]assets[/\\]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
}

function greetingRoute(server: FastifyInstance, { district, mode, keys }: ApiOptions): void {
  server.get('/api/greeting', async (request, reply): Promise<Greeting> => {
    reply.header('cache-control', 'no-store')
    return { districtName: district.name, mode, officer: officerOf(request, keys) ?? null }
  })
}

/**
 * Tells open pages the time every second and the state of the house every five, on the wall clock: this is the
 * heartbeat of a network connection, not something that happens in the house.
 */
function tellNews({ relay, clock, figures, wires, metrics }: ApiOptions): () => void {
  const pages = metrics.gauge('forewarn_console_pages_open', 'pages that listen to news')
  let newest: number | null = null
  let newestAtMs = clock.nowMs()
  const tick = setInterval(() => {
    pages.set(relay.listeners())
    const nowMs = clock.nowMs()
    const dataAgeMs = newest === null ? null : newest + (nowMs - newestAtMs)
    relay.announce('tick', { nowMs, speed: clock.speed, dataAgeMs, alertsLive: relay.live() } satisfies Tick)
  }, 1000)
  const health = setInterval(async () => {
    if (relay.listeners() === 0) return
    const current = await figures()
    newest = current.dataAgeMs
    newestAtMs = current.atMs
    relay.announce('health', { figures: current, troubles: await troublesOf(wires) } satisfies HealthNotice)
  }, 2000)
  return () => {
    clearInterval(tick)
    clearInterval(health)
  }
}

async function troublesOf(wires: ApiOptions['wires']): Promise<Trouble[]> {
  const answers = await Promise.all([wires.health('ingest'), wires.health('rules'), wires.health('alerts')])
  return answers.flatMap(answer => ('trouble' in answer ? [answer.trouble] : []))
}
