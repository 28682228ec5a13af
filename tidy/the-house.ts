/**
 * The law of the house as data: which room may import which, how long things may be, which names say nothing.
 * Changing it is a decision: say why in the commit.
 */
const everyRoom = [
  'contracts',
  'runtime',
  'journal',
  'store',
  'protocols',
  'edge-agent',
  'broker',
  'ingest',
  'rules',
  'alerts',
  'console',
] as const

/** Room by room, what it may import of ours. Processes meet on wires (MQTT, journal, queue, HTTP), not by import. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  runtime: [],
  journal: ['contracts'],
  store: ['contracts'],
  // Pure decoders: what a frame means is the same on a gateway, in ingest and on the command line.
  protocols: ['contracts'],
  'edge-agent': ['contracts', 'runtime', 'protocols'],
  broker: ['contracts', 'runtime'],
  ingest: ['contracts', 'runtime', 'journal', 'store', 'protocols'],
  rules: ['contracts', 'runtime', 'journal', 'store'],
  alerts: ['contracts', 'runtime', 'protocols'],
  console: ['contracts', 'runtime', 'store'],
  simulators: ['contracts'],
  deploy: [...everyRoom, 'simulators'],
  // What was acknowledged is looked for in the store itself, behind the house's back.
  acceptance: ['contracts', 'runtime', 'store', 'deploy', 'simulators'],
  // A bench measures one room alone as well as the whole house: what a part costs is seen nowhere else.
  bench: [...everyRoom, 'deploy', 'simulators'],
  cli: ['contracts', 'runtime', 'protocols', 'journal', 'store', 'rules', 'simulators', 'deploy'],
  tidy: ['runtime'],
}

/**
 * What tests may import beyond their room's table: what every room is tested with. A test proves a promise between
 * rooms, and the silent log, the hand clock and the make-believe district are there for that.
 */
export const testsMayImport: readonly string[] = ['contracts', 'runtime', 'simulators']

export const limits = { functionLines: 70, fileLines: 400 } as const

/** A file is named for the thing or the deed; these words name neither. */
export const emptyNames: ReadonlySet<string> = new Set([
  'index',
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'manager',
  'service',
  'misc',
])

/** Only here may anyone ask what time it is; everything else is told. */
export const clockFiles: readonly RegExp[] = [/^runtime\/clock\.ts$/, /(^|\/)([a-z-]+-)?main\.ts$/, /\.test\.tsx?$/]
