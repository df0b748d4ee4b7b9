/**
 * `setImmediate` of Node.js itself. Fake timers of test runners replace the global one (Vitest by default), and no
 * packet would be written any more; browser-like environments of test runners have none.
 */
import timers from 'node:timers'

export const { setImmediate, clearImmediate } = timers
