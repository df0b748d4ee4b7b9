/**
 * Publishes messages that no client sends: those of the host, and wills. Owns their order, which is preserved like that
 * of a client; must not know the caller.
 */
import type { PublishMessage } from '../../codec/publish-message.js'
import type { AnaxError } from '../../errors.js'
import type { Companion, PublishPath } from '../../ports/message-sink.js'
import { PublishJob } from '../../routing/publish-job.js'
import { Pipeline } from '../../util/scheduling/pipeline.js'

export class OwnMessages {
  readonly #path: PublishPath
  readonly #pipeline = new Pipeline(
    Number.POSITIVE_INFINITY,
    () => {},
    () => {},
  )

  constructor(path: PublishPath) {
    this.#path = path
  }

  /** Publishes a message after all earlier ones. Rejects with an AnaxError. */
  publish(message: PublishMessage, companion?: Companion): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (refusal: AnaxError | undefined) => (refusal === undefined ? resolve() : reject(refusal))
      this.#pipeline.run(new PublishJob(this.#path, message, null, companion, done))
    })
  }

  /** Resolves when every message is published or refused. */
  idle(): Promise<void> {
    return this.#pipeline.settled()
  }
}
