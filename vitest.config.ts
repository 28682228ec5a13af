/**
 * How tests run. `quick` is what `npm run check` runs before a commit; `whole` starts the entire house,
 * servers or a browser, or kills processes, and runs with `npm test` too.
 */
import { defineConfig } from 'vitest/config'

const never = ['**/node_modules/**', 'console/dist/**', 'data/**']
const whole = ['acceptance/**/*.test.ts', '**/*.browser.test.ts', '**/*.servers.test.ts', '**/*crash.test.ts']
const shared = { testTimeout: 30_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    // Processes, not threads: DuckDB, PGlite and servers under test must not share one address space.
    pool: 'forks',
    maxWorkers: '100%',
    // In CI a forgotten `.only` would silently skip all the rest.
    allowOnly: !process.env['CI'],
    projects: [
      { test: { ...shared, name: 'quick', include: ['*/**/*.test.ts', '*.test.ts'], exclude: [...never, ...whole] } },
      { test: { ...shared, name: 'whole', include: whole, exclude: never } },
    ],
  },
})
