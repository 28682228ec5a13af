#!/usr/bin/env node
/**
 * `npm run chaos`: sets the checkout up and runs acceptance/chaos/chaos-main.ts on Node 24 with the same arguments.
 */
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { handOver } from './run.mjs'

const { root, node } = await prepare({ withConsole: true, withDev: true })
handOver(node, [
  '--disable-warning=ExperimentalWarning',
  join(root, 'acceptance', 'chaos', 'chaos-main.ts'),
  ...process.argv.slice(2),
])
