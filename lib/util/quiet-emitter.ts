/**
 * An event emitter that allocates its table of listeners with the first listener: there may be a hundred thousand
 * emitters, and most never get one. Owns this allocation only; Node.js emits the events.
 */
import { EventEmitter } from 'node:events'

/** Node's constructor creates a table of listeners; its methods create one with the first listener if there is none. */
function Quiet(): void {}
Object.setPrototypeOf(Quiet.prototype, EventEmitter.prototype)

type Emitter = new <Events extends Record<keyof Events, unknown[]>>() => EventEmitter<Events>

export const QuietEmitter = Quiet as unknown as Emitter
