/**
 * Repeats an operation until it succeeds: MQTT.js gives an operation up when the connection breaks at the wrong moment.
 */
import { setTimeout as delay } from 'node:timers/promises'

const PAUSE_MS = 50

export async function again<T>(operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation()
    } catch {
      await delay(PAUSE_MS)
    }
  }
}
