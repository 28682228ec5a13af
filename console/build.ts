/**
 * Builds the page into console/dist, only when its sources have changed since: a fingerprint of them is kept beside
 * it. Run directly (`node console/build.ts`) or by the setup.
 */
import { createHash } from 'node:crypto'
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { readIfThere } from '@forewarn/runtime/kept-file'

const pageDir = join(import.meta.dirname, 'page')
const distDir = join(import.meta.dirname, 'dist')
const fingerprintFile = join(distDir, 'sources.sha256')

export interface Built {
  /** False when it was up to date. */
  readonly built: boolean
  readonly distDir: string
}

/** Builds the page if need be. Rejects with Vite's error when the sources do not build. */
export async function buildConsole(): Promise<Built> {
  const fingerprint = await fingerprintOfSources()
  if (fingerprint === (await readIfThere(fingerprintFile))?.toString()) return { built: false, distDir }
  // Only a build needs Vite; a start with an up-to-date page does not wait for it to load.
  const { build } = await import('vite')
  const newDir = await mkdtemp(join(tmpdir(), 'forewarn-page-'))
  try {
    await build({
      configFile: join(import.meta.dirname, 'vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: newDir },
    })
    await packAssets(join(newDir, 'assets'))
    await putInPlace(newDir)
    await writeFile(fingerprintFile, fingerprint)
  } finally {
    await rm(newDir, { recursive: true, force: true })
  }
  return { built: true, distDir }
}

async function fingerprintOfSources(): Promise<string> {
  const entries = await readdir(pageDir, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && !entry.name.includes('.test.'))
    .map(entry => join(entry.parentPath, entry.name))
  const others = ['vite.config.ts', 'build.ts', 'package.json'].map(name => join(import.meta.dirname, name))
  const hash = createHash('sha256')
  for (const file of [...files, ...others].sort())
    hash.update(file.slice(import.meta.dirname.length)).update(await readFile(file))
  return hash.digest('hex')
}

/**
 * Assets first, the page that names them last, old assets after that: a server that runs meanwhile, or a second
 * build beside this one, always finds a whole page.
 */
async function putInPlace(newDir: string): Promise<void> {
  const isPage = (file: string) => file.endsWith('index.html')
  await cp(newDir, distDir, { recursive: true, filter: file => !isPage(file) })
  const part = join(distDir, `index.${process.pid}.part`)
  await copyFile(join(newDir, 'index.html'), part)
  await rename(part, join(distDir, 'index.html'))
  const wanted = new Set(await readdir(join(newDir, 'assets')))
  for (const name of await readdir(join(distDir, 'assets'))) {
    if (!wanted.has(name)) await rm(join(distDir, 'assets', name), { force: true })
  }
}

/** Packed once here, so that the server does not pack at every request. */
async function packAssets(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const file = join(dir, name)
    await writeFile(`${file}.gz`, await promisify(gzip)(await readFile(file), { level: 9 }))
  }
}

if (import.meta.main) await buildConsole()
