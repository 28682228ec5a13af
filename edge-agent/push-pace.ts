/** How often devices that push should measure: they cannot be asked, so the answer to a push tells them. */
import type { Clock } from '@forewarn/runtime/clock'
import type { SourceSteering } from './line.ts'
import { Pace } from './sources/pace.ts'

export interface PushPace {
  /** Seconds, for as long as the house wants it; undefined: as usual. */
  samplingS(sensor: string): number | undefined
  /** The same steering, from which pushing devices hear as well. */
  alongside(steering: SourceSteering): SourceSteering
  stop(): void
}

/** Nothing is measured faster until somebody asks for it. */
export function openPushPace(clock: Clock): PushPace {
  let periods: ReadonlyMap<string, number> = new Map()
  const onChanged = () => {
    periods = pace.periodMsBySensor()
  }
  const pace = new Pace({ clock, onChanged })
  return {
    samplingS(sensor) {
      const periodMs = periods.get(sensor)
      return periodMs === undefined ? undefined : periodMs / 1000
    },
    alongside: steering => ({
      configure: settings => steering.configure(settings),
      sampleFaster(command) {
        pace.faster(command)
        steering.sampleFaster(command)
      },
    }),
    stop: () => pace.stop(),
  }
}
