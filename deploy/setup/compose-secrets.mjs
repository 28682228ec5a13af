#!/usr/bin/env node
/**
 * Makes deploy/.env with random secrets for deploy/compose.yaml, once: what is there is never changed, because the
 * servers keep the passwords they were first started with.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './needs.mjs'

const names = ['REDIS_PASSWORD', 'POSTGRES_PASSWORD', 'INFLUX_PASSWORD', 'INFLUX_TOKEN']
const file = join(root, 'deploy', '.env')
const lines = names.map(name => `${name}=${randomBytes(24).toString('hex')}\n`)
try {
  writeFileSync(file, lines.join(''), { flag: 'wx', mode: 0o600 })
  console.log(`made ${file}`)
} catch (error) {
  if (error.code !== 'EEXIST') throw error
  console.log(`${file} is there already and stays as it is`)
}
