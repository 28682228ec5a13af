#!/usr/bin/env node
/**
 * The door of the program `forewarn`: looks at the Node version, sets up what is missing, and hands over to
 * cli/main.ts on Node 24 with the same arguments. Plain JavaScript, because an old Node must be able to read it.
 */
const own = Number(process.versions.node.split('.')[0])
if (own < 20) {
  console.error(
    `forewarn: this is Node ${process.versions.node}; Forewarn needs Node 20 or newer (https://nodejs.org).`,
  )
  process.exit(2)
}

void import('./prepare.mjs').then(async ({ prepare, needsConsole }) => {
  const args = process.argv.slice(2)
  const { root, node } = await prepare({ withConsole: needsConsole(args) })
  const { handOver } = await import('./run.mjs')
  handOver(node, ['--max-semi-space-size=64', '--disable-warning=ExperimentalWarning', `${root}/cli/main.ts`, ...args])
})
