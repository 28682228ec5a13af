/**
 * Many connections, one PostgreSQL session. PGlite is one session; this server lets clients of the ordinary wire
 * protocol take turns on it so that each sees what it would see on a session of its own:
 * - a turn is everything up to Sync or a simple query, so an unnamed statement of one is never run by another;
 * - from BEGIN to COMMIT or ROLLBACK the session belongs to one connection; the others wait;
 * - NOTIFY reaches every connection that listens, whoever's turn it was;
 * - `search_path` given at connect and names of prepared statements are each connection's own.
 * Shared, and therefore not to be used through it: other SET without LOCAL, temporary tables, session advisory locks.
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import {
  askForPassword,
  type Frame,
  fatalError,
  queryFrame,
  sqlOf,
  startupCode,
  startupParameters,
  syncFrame,
  takeApart,
  takeFrame,
  takeStartup,
  welcome,
  withOwnStatement,
} from './postgres-frames.ts'

export interface TurnServerOptions {
  /** Runs client frames on the session and returns what the backend wrote. */
  readonly perform: (frames: Buffer) => Buffer
  readonly serverVersion: string
  readonly password: string
  /** 0 takes a free one. */
  readonly port: number
  /** A transaction that does nothing for so long while others wait is rolled back and its connection closed. */
  readonly idleTransactionMs?: number
  readonly maxConnections?: number
}

export interface TurnServer {
  readonly port: number
  stop(): Promise<void>
}

interface Connection {
  readonly id: number
  readonly socket: Socket
  phase: 'startup' | 'password' | 'ready'
  received: Buffer
  /** Frames of the turn that is not complete yet. */
  gathering: Frame[]
  searchPath: string
  readonly channels: Set<string>
  hasStatements: boolean
}

interface Turn {
  readonly connection: Connection
  readonly frames: readonly Frame[]
}

const largestFrameBytes = 64 * 1024 * 1024
const largestGreetingBytes = 10_000
const greetingMs = 10_000
const ownSearchPath = 'public'

/** Starts listening on loopback. Resolves with the port. */
export async function startTurnServer(options: TurnServerOptions): Promise<TurnServer> {
  const turns = makeTurns(options)
  const connections = new Set<Connection>()
  let nextId = 1
  const server = createServer({ noDelay: true }, socket => {
    const connection = newConnection(socket, nextId++)
    connections.add(connection)
    socket.setTimeout(greetingMs, () => socket.destroy())
    socket.on('data', chunk => onData(connection, chunk, { options, turns }))
    // A reset by the client is followed by 'close', where the connection's turn ends.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      connections.delete(connection)
      turns.leave(connection)
    })
  })
  server.maxConnections = options.maxConnections ?? 100
  const port = await listen(server, options.port)
  return {
    port,
    async stop() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const { socket } of connections) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('listening without a port'))
      else resolve(address.port)
    })
  })
}

function newConnection(socket: Socket, id: number): Connection {
  return {
    id,
    socket,
    phase: 'startup',
    received: Buffer.alloc(0),
    gathering: [],
    searchPath: ownSearchPath,
    channels: new Set(),
    hasStatements: false,
  }
}

interface Around {
  readonly options: TurnServerOptions
  readonly turns: Turns
}

function onData(connection: Connection, chunk: Buffer, around: Around): void {
  connection.received = connection.received.length === 0 ? chunk : Buffer.concat([connection.received, chunk])
  const limit = connection.phase === 'ready' ? largestFrameBytes : largestGreetingBytes
  if (connection.received.length > limit) {
    connection.socket.destroy()
    return
  }
  while (!connection.socket.destroyed && takeNext(connection, around)) {
    // takeNext does the work, one frame at a time
  }
}

function takeNext(connection: Connection, around: Around): boolean {
  if (connection.phase === 'startup') return greet(connection)
  const taken = takeFrame(connection.received)
  if (taken === undefined) return false
  connection.received = taken.rest
  if (connection.phase === 'password') checkPassword(connection, taken.frame, around.options)
  else onFrame(connection, taken.frame, around.turns)
  return true
}

function greet(connection: Connection): boolean {
  const taken = takeStartup(connection.received)
  if (taken === undefined) return false
  connection.received = taken.rest
  if (taken.code === startupCode.ssl || taken.code === startupCode.gss) {
    connection.socket.write('N')
    return true
  }
  if (taken.code !== startupCode.version3) {
    // A cancel request, or a protocol we do not speak.
    connection.socket.destroy()
    return false
  }
  connection.searchPath = searchPathOf(startupParameters(taken.body).get('options')) ?? ownSearchPath
  connection.phase = 'password'
  connection.socket.write(askForPassword)
  return true
}

/** The search path in libpq's `options` (`-c search_path="queue"`), when it is a plain list of names. */
function searchPathOf(options: string | undefined): string | undefined {
  return options?.match(/-c\s*search_path=([\w",]+)/)?.[1]
}

function checkPassword(connection: Connection, frame: Frame, options: TurnServerOptions): void {
  const given = frame.bytes.subarray(5, frame.bytes.length - 1)
  const wanted = Buffer.from(options.password)
  if (frame.type !== 'p' || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    connection.socket.end(fatalError({ code: '28P01', message: 'password authentication failed' }))
    return
  }
  connection.phase = 'ready'
  connection.socket.setTimeout(0)
  connection.socket.write(welcome({ serverVersion: options.serverVersion, process: connection.id }))
}

/** Sync, a simple query, Flush, and the ends of a COPY: where the backend is expected to answer. */
const turnEnds = new Set(['S', 'Q', 'H', 'c', 'f'])

function onFrame(connection: Connection, frame: Frame, turns: Turns): void {
  if (frame.type === 'X') {
    connection.socket.end()
    return
  }
  connection.gathering.push(frame)
  if (!turnEnds.has(frame.type)) return
  const frames = connection.gathering
  connection.gathering = []
  turns.add({ connection, frames })
}

interface Turns {
  add(turn: Turn): void
  leave(connection: Connection): void
}

function makeTurns(options: TurnServerOptions): Turns {
  const { perform, idleTransactionMs = 15_000 } = options
  const waiting: Turn[] = []
  const listeners = new Set<Connection>()
  let holder: Connection | undefined
  let searchPath = ownSearchPath
  let scheduled = false
  let idleTimer: NodeJS.Timeout | undefined

  /** One turn per round of the event loop, so that answers leave and other connections are heard between turns. */
  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      runNext()
    })
  }
  const runNext = () => {
    const index = holder === undefined ? 0 : waiting.findIndex(({ connection }) => connection === holder)
    const turn = index < 0 ? undefined : waiting.splice(index, 1)[0]
    if (turn !== undefined) runTurn(turn)
    watchHolder()
    if (waiting.length > 0 && turn !== undefined) schedule()
  }
  const runTurn = ({ connection, frames }: Turn) => {
    if (holder === undefined && connection.searchPath !== searchPath) {
      deliver(listeners, takeApart(perform(queryFrame(`SET search_path TO ${connection.searchPath}`))).notifications)
      searchPath = connection.searchPath
    }
    const prefix = `c${connection.id}_`
    const input = frames.map(frame => withOwnStatement(frame, prefix))
    if (frames.some((frame, i) => input[i] !== frame.bytes)) connection.hasStatements = true
    const answer = takeApart(perform(Buffer.concat(input)))
    holder = answer.status === 'I' ? undefined : connection
    if (!answer.failed) for (const frame of frames) followListening({ connection, listeners, perform }, frame)
    if (!connection.socket.destroyed) connection.socket.write(answer.bytes)
    deliver(listeners, answer.notifications)
  }
  const watchHolder = () => {
    clearTimeout(idleTimer)
    if (holder === undefined || waiting.length === 0) return
    const idle = holder
    idleTimer = setTimeout(() => {
      idle.socket.end(fatalError({ code: '25P03', message: 'terminating connection due to idle transaction' }))
      leave(idle)
    }, idleTransactionMs)
  }
  const leave = (connection: Connection) => {
    listeners.delete(connection)
    for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i]?.connection === connection) waiting.splice(i, 1)
    if (holder === connection) {
      perform(syncFrame)
      perform(queryFrame('ROLLBACK'))
      holder = undefined
      if (waiting.length > 0) schedule()
    }
    if (connection.hasStatements) forgetStatements(connection, perform)
    connection.hasStatements = false
    watchHolder()
  }
  const add = (turn: Turn) => {
    waiting.push(turn)
    schedule()
  }
  return { add, leave }
}

function deliver(
  listeners: ReadonlySet<Connection>,
  notifications: readonly { channel: string; bytes: Buffer }[],
): void {
  for (const { channel, bytes } of notifications) {
    for (const listener of listeners) if (listener.channels.has(channel)) listener.socket.write(bytes)
  }
}

interface Listening {
  readonly connection: Connection
  readonly listeners: Set<Connection>
  readonly perform: (frames: Buffer) => Buffer
}

function followListening({ connection, listeners, perform }: Listening, frame: Frame): void {
  const listening = listeningOf(sqlOf(frame))
  if (listening === undefined) return
  if (listening.kind === 'listen') {
    connection.channels.add(listening.channel)
    listeners.add(connection)
    return
  }
  if (listening.channel === '*') connection.channels.clear()
  else connection.channels.delete(listening.channel)
  // The session has stopped listening for everybody: start again for those who still do.
  for (const channel of new Set([...listeners].flatMap(({ channels }) => [...channels]))) {
    perform(queryFrame(`LISTEN "${channel}"`))
  }
}

function forgetStatements({ id }: Connection, perform: (frames: Buffer) => Buffer): void {
  const sql = `DO $$ DECLARE s text; BEGIN
    FOR s IN SELECT name FROM pg_prepared_statements WHERE name LIKE 'c${id}\\_%' LOOP EXECUTE format('DEALLOCATE %I', s); END LOOP;
  END $$`
  perform(queryFrame(sql))
}

function listeningOf(sql: string | undefined): { kind: 'listen' | 'unlisten'; channel: string } | undefined {
  // BullMQ's statements begin with comments.
  const bare = sql?.replace(/--.*$/gm, '').replace(/\/\*[^]*?\*\//g, '')
  const found = bare?.match(/^\s*(un)?listen\s+(?:"([^"]+)"|(\w+|\*))\s*;?\s*$/i)
  if (found === undefined || found === null) return undefined
  const channel = found[2] ?? found[3]?.toLowerCase() ?? ''
  return { kind: found[1] === undefined ? 'listen' : 'unlisten', channel }
}
