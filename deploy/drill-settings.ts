/**
 * Settings of a drill that nobody configured: free ports, a quiet log, embedded parts.
 */
import { isBadSetting, readSettings, type Settings } from '@forewarn/runtime/settings'

/** The settings of a drill that nobody set anything for: any free ports, and only warnings in the log. */
export function plainDrillSettings(): Settings {
  const settings = readSettings({ flags: { mqttPort: '0', httpPort: '0', logLevel: 'warn' }, variables: {} })
  if (isBadSetting(settings)) throw new Error(settings.message)
  return settings
}
