/**
 * An event emitter that takes no memory for listeners until it has one: there may be a hundred thousand, and most never get
 * any. Owns nothing of how events are emitted: that is Node's.
 */
import { EventEmitter } from 'node:events'

/** Node's constructor makes a table of listeners at once. Its methods make one with the first listener where there is none. */
function Quiet(): void {}
Object.setPrototypeOf(Quiet.prototype, EventEmitter.prototype)

type Emitter = new <Events extends Record<keyof Events, unknown[]>>() => EventEmitter<Events>

export const QuietEmitter = Quiet as unknown as Emitter
