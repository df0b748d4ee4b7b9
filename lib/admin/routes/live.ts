/**
 * The routes with event streams: samples as they are taken, messages of a filter as they are published, lines of the
 * log. Owns the limits of open streams and their rates, and ends all streams at close.
 */
import type { Message } from '../../../types/message/message.js'
import { EventStream, type Exchange } from '../exchange.js'
import { invalid, Problem } from '../problem.js'
import { messageJson } from './messages.js'
import type { Parts } from './reading.js'

const MAX_STREAMS = 100

/** Maximum messages per second; further ones are only counted. */
const MESSAGES_PER_SECOND = 50

export class Live {
  readonly #parts: Parts
  readonly #streams = new Set<EventStream>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The samples so far, and then each new sample with all numbers. */
  samples({ response }: Exchange): void {
    const { recorder, broker } = this.#parts
    const stream = this.#open(response)
    stream.send('history', recorder.samples)
    const stop = recorder.watch(sample => stream.send('sample', { sample, stats: broker.stats() }))
    response.once('close', stop)
  }

  /** Messages of a filter, and the number of skipped ones. @throws Problem */
  async messages({ response, query }: Exchange): Promise<void> {
    const { broker, recorder } = this.#parts
    const filter = query.get('filter')
    if (filter === null || filter === '') throw invalid('filter must be given')
    const view = { left: MESSAGES_PER_SECOND, skipped: 0 }
    let stream: EventStream | undefined
    const onMessage = (message: Message, done: () => void) => {
      done()
      if (view.left > 0 && stream?.send('message', messageJson(message))) view.left--
      else view.skipped++
    }
    await broker.subscribe(filter, onMessage)
    const refill = () => {
      view.left = MESSAGES_PER_SECOND
      stream?.keepOpen()
      if (view.skipped > 0 && stream?.send('skipped', { messages: view.skipped })) view.skipped = 0
    }
    const stop = recorder.watch(refill)
    const end = () => {
      stop()
      // a closed broker has no subscriptions to end
      broker.unsubscribe(filter, onMessage).catch(() => {})
    }
    if (response.destroyed) end()
    else response.once('close', end)
    stream = this.#open(response)
  }

  /** The lines of the log so far, and then each line. @throws Problem */
  log({ response }: Exchange): void {
    const { log, recorder } = this.#parts
    if (log === undefined) throw new Problem(404, 'no-log', 'The administration was given no log')
    const stream = this.#open(response)
    stream.send('lines', log.lines)
    response.once(
      'close',
      log.watch(line => stream.send('line', line)),
    )
    response.once(
      'close',
      recorder.watch(() => stream.keepOpen()),
    )
  }

  close(): void {
    for (const stream of this.#streams) stream.end()
  }

  #open(response: Exchange['response']): EventStream {
    if (this.#streams.size >= MAX_STREAMS) throw new Problem(503, 'too-many-streams', 'Too many event streams are open')
    const stream = new EventStream(response)
    this.#streams.add(stream)
    response.once('close', () => this.#streams.delete(stream))
    return stream
  }
}
