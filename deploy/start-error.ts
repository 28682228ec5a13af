/**
 * Why a house cannot start, as a stable code and one line for the person who tried.
 */
export type StartErrorCode =
  | 'port-taken'
  | 'data-dir-not-writable'
  | 'disk-full'
  | 'data-dir-not-empty'
  | 'bad-backup'
  | 'house-already-running'
  | 'bad-district'
  | 'bad-scenario'
  | 'server-not-reachable'
  | 'bad-settings'

export class StartError extends Error {
  readonly code: StartErrorCode

  constructor(code: StartErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'StartError'
    this.code = code
  }
}

/** The `code` of an error from the operating system; undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Says which port is taken instead of letting EADDRINUSE through; other errors pass unchanged. */
export async function naming<T>(
  what: { name: string; port: number; setting: string },
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start()
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EADDRINUSE')
      throw new StartError(
        'port-taken',
        `port ${what.port} for ${what.name} is taken: choose another with ${what.setting}`,
        {
          cause: error,
        },
      )
    if (code === 'EACCES')
      throw new StartError(
        'port-taken',
        `port ${what.port} for ${what.name} is not allowed: choose one above 1023 with ${what.setting}`,
        {
          cause: error,
        },
      )
    throw error
  }
}

/** Says that the disk is full instead of letting ENOSPC through, however deep it lies; other errors pass unchanged. */
export function namingFullDisk(error: unknown, dataDir: string): unknown {
  if (!isFullDisk(error)) return error
  const message = `the disk of the data folder ${dataDir} is full: make room, then start again`
  return new StartError('disk-full', message, { cause: error })
}

function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return systemCode(error) === 'ENOSPC' || /No space left on device/i.test(error.message) || isFullDisk(error.cause)
}
