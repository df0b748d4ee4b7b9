/**
 * The bare relay: the least work with which a process in Node can forward PUBLISH, as a reference. It trusts its
 * clients, knows exact filters and `#` only, and has no sessions, retained messages or retransmission. Writes are
 * joined once per turn of the event loop. A separate program, started by start.ts.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { serve } from './serve.js'

const CONNACK = Buffer.from([0x20, 2, 0, 0])
const PINGRESP = Buffer.from([0xd0, 0])
/** From this size on, frames are written separately instead of being joined. */
const JOIN_LIMIT = 32_768

interface Sink {
  write(bytes: Buffer): void
  writeAll(frames: Buffer[]): void
}

const exact = new Map<string, Peer[]>()
const everything: Peer[] = []
let dirty: Peer[] = []

function flushAll(): void {
  const peers = dirty
  dirty = []
  for (const peer of peers) peer.flush()
}

class Peer {
  readonly #sink: Sink
  #frames: Buffer[] = []
  #bytes = 0
  #rest: Buffer | undefined
  #nextId = 1
  readonly topics: string[] = []

  constructor(sink: Sink) {
    this.#sink = sink
  }

  push(frame: Buffer): void {
    if (this.#frames.length === 0 && dirty.push(this) === 1) setImmediate(flushAll)
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** A separate copy with its own packet id, which QoS 1 and 2 require. */
  pushWithId(frame: Buffer, idAt: number): void {
    const copy = Buffer.allocUnsafe(frame.length)
    frame.copy(copy)
    copy.writeUInt16BE(this.#nextId, idAt)
    this.#nextId = (this.#nextId % 65_535) + 1
    this.push(copy)
  }

  flush(): void {
    const frames = this.#frames
    const bytes = this.#bytes
    this.#frames = []
    this.#bytes = 0
    if (frames.length === 1) this.#sink.write(frames[0]!)
    else if (bytes < JOIN_LIMIT) this.#sink.write(Buffer.concat(frames, bytes))
    else this.#sink.writeAll(frames)
  }

  data(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const used = parse(this, bytes)
    this.#rest = used < bytes.length ? bytes.subarray(used) : undefined
  }

  close(): void {
    for (const topic of this.topics) remove(topic === '#' ? everything : exact.get(topic)!, this)
  }
}

function remove(list: Peer[], peer: Peer): void {
  const at = list.indexOf(peer)
  if (at >= 0) list.splice(at, 1)
}

/** Handles the whole packets at the start of `bytes`; returns how many bytes they were. */
function parse(peer: Peer, bytes: Buffer): number {
  let start = 0
  while (start + 2 <= bytes.length) {
    let at = start + 1
    let byte = bytes[at++]!
    let length = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (at === bytes.length) return start
      byte = bytes[at++]!
      length |= (byte & 0x7f) << shift
    }
    const end = at + length
    if (end > bytes.length) return start
    packet(peer, bytes, start, at, end)
    start = end
  }
  return start
}

function packet(peer: Peer, bytes: Buffer, start: number, body: number, end: number): void {
  const type = bytes[start]! >> 4
  if (type === 3) publish(peer, bytes, start, body, end)
  else if (type === 1) peer.push(CONNACK)
  else if (type === 8) subscribe(peer, bytes, body, end)
  else if (type === 12) peer.push(PINGRESP)
}

function publish(peer: Peer, bytes: Buffer, start: number, body: number, end: number): void {
  const topicEnd = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!)
  const subscribers = exact.get(bytes.toString('latin1', body + 2, topicEnd))
  const frame = bytes.subarray(start, end)
  if ((bytes[start]! & 6) === 0) {
    if (subscribers !== undefined) for (const subscriber of subscribers) subscriber.push(frame)
    for (const subscriber of everything) subscriber.push(frame)
    return
  }
  const idAt = topicEnd - start
  if (subscribers !== undefined) for (const subscriber of subscribers) subscriber.pushWithId(frame, idAt)
  for (const subscriber of everything) subscriber.pushWithId(frame, idAt)
  peer.push(Buffer.from([0x40, 2, bytes[topicEnd]!, bytes[topicEnd + 1]!]))
}

function subscribe(peer: Peer, bytes: Buffer, body: number, end: number): void {
  const granted = []
  for (let at = body + 2; at < end; ) {
    const filterEnd = at + 2 + bytes.readUInt16BE(at)
    const filter = bytes.toString('latin1', at + 2, filterEnd)
    granted.push(bytes[filterEnd]!)
    at = filterEnd + 1
    peer.topics.push(filter)
    const list = filter === '#' ? everything : exact.get(filter)
    if (list === undefined) exact.set(filter, [peer])
    else list.push(peer)
  }
  peer.push(Buffer.from([0x90, 2 + granted.length, bytes[body]!, bytes[body + 1]!, ...granted]))
}

function streamSink(stream: Duplex): Sink {
  return {
    write: bytes => stream.write(bytes),
    writeAll(frames) {
      stream.cork()
      for (const frame of frames) stream.write(frame)
      stream.uncork()
    },
  }
}

function handleStream(stream: Duplex): void {
  const peer = new Peer(streamSink(stream))
  stream.on('data', (chunk: Buffer) => peer.data(chunk))
  stream.on('close', () => peer.close())
  stream.on('error', () => stream.destroy())
}

function handleSocket(socket: WebSocket): void {
  const peer = new Peer({
    write: bytes => socket.send(bytes),
    writeAll: frames => socket.send(Buffer.concat(frames)),
  })
  socket.on('message', (chunk: Buffer) => peer.data(chunk))
  socket.on('close', () => peer.close())
  socket.on('error', () => socket.terminate())
}

serve(handleStream, handleSocket)
