/** Wraps a bus: tracks pending calls, and fails on request of a test. Knows no message. */
import type { Bus } from '../../index.js'
import type { Activity } from './activity.js'
import type { Faults } from './faults.js'

/** Wraps a bus for the broker. @param isKept whether the wrapped bus stays open when the broker closes */
export function watchBus(bus: Bus, activity: Activity, faults: Faults, isKept: () => boolean): Bus {
  return {
    on: (topic, listener, done) => bus.on(topic, listener, done),
    removeListener: (topic, listener, done) => bus.removeListener(topic, listener, done),
    close: done => (isKept() ? done?.() : bus.close(done)),
    emit(message, done) {
      const over = activity.begin('bus.emit')
      const fault = faults.at('bus', 'emit')
      const conclude = (error?: Error | null) => {
        over()
        done?.(error)
      }
      if (fault === undefined) bus.emit(message, conclude)
      else faults.wait(fault.delayMs).then(() => (fault.error ? conclude(fault.error) : bus.emit(message, conclude)))
    },
  }
}
