/**
 * Where the things that come with Forewarn stand in the checkout.
 */
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

export const shipped = {
  rulesDir: join(root, 'rules', 'catalogue'),
  modelFile: join(root, 'rules', 'models', 'rain-to-depth.json'),
  plansDir: join(root, 'alerts', 'plans'),
} as const
