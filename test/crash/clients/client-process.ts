/** A publisher or subscriber as a process, seen from outside: it can be killed, and its journal can be read. */
import { join } from 'node:path'
import { Inbox, type InboxEntry } from '../judge/inbox.js'
import { JournalReader } from '../judge/journal.js'
import { Outbox, type OutboxEntry } from '../judge/outbox.js'
import { Victim } from '../processes/victim.js'
import type { ClientDescription, SubscriberDescription } from './client-description.js'

/** What is told to a client process, but for the place of its journal. */
type Described<Description extends ClientDescription> = Omit<Description, 'journal'>

interface ClientMemory<Entry> {
  apply(entry: Entry): void
}

class ClientProcess<Entry, Memory extends ClientMemory<Entry>> {
  /** What its journal says, as far as it was read. */
  readonly memory: Memory
  readonly process: Victim
  readonly #reader: JournalReader<Entry>

  constructor(folder: string, description: Described<ClientDescription>, memory: Memory) {
    const journal = join(folder, `${description.clientId}.journal`)
    this.memory = memory
    this.process = new Victim('clients/client', [JSON.stringify({ ...description, journal })])
    this.#reader = new JournalReader(journal, entry => memory.apply(entry))
  }

  /** Reads what it has written since the last time. */
  read(): void {
    this.#reader.read()
  }
}

export class PublisherProcess extends ClientProcess<OutboxEntry, Outbox> {
  constructor(folder: string, description: Described<ClientDescription>) {
    super(folder, description, new Outbox())
  }
}

export class SubscriberProcess extends ClientProcess<InboxEntry, Inbox> {
  constructor(folder: string, description: Described<SubscriberDescription>) {
    super(folder, description, new Inbox())
  }
}
