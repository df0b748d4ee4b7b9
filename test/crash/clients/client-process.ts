/** A publisher or subscriber in its own process, as the test sees it: can be killed; its journal can be read. */
import { join } from 'node:path'
import { JournalReader } from '../checks/journal.js'
import { type PublisherEntry, PublisherState } from '../checks/publisher-state.js'
import { type SubscriberEntry, SubscriberState } from '../checks/subscriber-state.js'
import { KillableProcess } from '../processes/killable-process.js'
import type { ClientDescription, SubscriberDescription } from './client-description.js'

/** The settings of a client, without the path of its journal. */
type Described<Description extends ClientDescription> = Omit<Description, 'journal'>

interface ClientMemory<Entry> {
  apply(entry: Entry): void
}

class ClientProcess<Entry, Memory extends ClientMemory<Entry>> {
  /** The state from its journal, as far as it was read. */
  readonly memory: Memory
  readonly process: KillableProcess
  readonly #reader: JournalReader<Entry>

  constructor(folder: string, description: Described<ClientDescription>, memory: Memory) {
    const journal = join(folder, `${description.clientId}.journal`)
    this.memory = memory
    this.process = new KillableProcess('clients/client', [JSON.stringify({ ...description, journal })])
    this.#reader = new JournalReader(journal, entry => memory.apply(entry))
  }

  /** Reads what it has written since the last time. */
  read(): void {
    this.#reader.read()
  }
}

export class PublisherProcess extends ClientProcess<PublisherEntry, PublisherState> {
  constructor(folder: string, description: Described<ClientDescription>) {
    super(folder, description, new PublisherState())
  }
}

export class SubscriberProcess extends ClientProcess<SubscriberEntry, SubscriberState> {
  constructor(folder: string, description: Described<SubscriberDescription>) {
    super(folder, description, new SubscriberState())
  }
}
