/**
 * Room for retained messages that were found acceptable and are not in the store's count yet.
 * Owns how much of it is promised; must not know the limits.
 */

/** What keeping a message adds to what is retained. */
export interface Room {
  /** 1 where its topic has no message yet. */
  messages: number
  bytes: number
}

const NONE: Room = { messages: 0, bytes: 0 }

export class Reservations {
  /** Topic -> what each of its messages adds; of several, one after the other will be the one that stays. */
  readonly #byTopic = new Map<string, Map<object, Room>>()
  readonly #total = { messages: 0, bytes: 0 }

  /** What is promised to other topics: with those of its own topic, a message shares the room. */
  besides(topic: string): Room {
    const own = largest(this.#byTopic.get(topic))
    return { messages: this.#total.messages - own.messages, bytes: this.#total.bytes - own.bytes }
  }

  /** @param message stands for itself: the same object releases the room */
  reserve(topic: string, message: object, room: Room): void {
    this.#change(topic, rooms => rooms.set(message, room))
  }

  /** It is in the store's count now, or refused after all. What was not reserved is none. */
  release(topic: string, message: object): void {
    if (this.#byTopic.get(topic)?.has(message)) this.#change(topic, rooms => rooms.delete(message))
  }

  #change(topic: string, change: (rooms: Map<object, Room>) => void): void {
    const rooms = this.#byTopic.get(topic) ?? new Map<object, Room>()
    const before = largest(rooms)
    change(rooms)
    const after = largest(rooms)
    this.#total.messages += after.messages - before.messages
    this.#total.bytes += after.bytes - before.bytes
    if (rooms.size > 0) this.#byTopic.set(topic, rooms)
    else this.#byTopic.delete(topic)
  }
}

function largest(rooms: ReadonlyMap<object, Room> | undefined): Room {
  if (rooms === undefined) return NONE
  let messages = 0
  let bytes = 0
  for (const room of rooms.values()) {
    if (room.messages > messages) messages = room.messages
    if (room.bytes > bytes) bytes = room.bytes
  }
  return { messages, bytes }
}
