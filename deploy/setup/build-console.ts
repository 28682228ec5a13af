/** Builds the console's page into console/dist. Run by the set-up when the console's sources have changed. */
import { buildConsole } from '@forewarn/console/build'

await buildConsole()
