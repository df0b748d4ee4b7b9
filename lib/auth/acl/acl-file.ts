/**
 * `aclFile`: rights from Mosquitto's ACL file, or from rules in TypeScript.
 * Owns the options and the reload; what rules mean is in mosquitto-rules.ts and typed-decisions.ts.
 */
import { Auth } from '../auth.js'
import type { Subject } from '../identity.js'
import { type AuthOptions, authOptions, optionError } from '../options.js'
import type { Authorizer, Decision } from '../parts.js'
import { readText } from '../util/files.js'
import { type MosquittoRules, parseAclFile } from './mosquitto-file.js'
import { decide, decideSubscribe } from './mosquitto-rules.js'
import { Rights, type TypedOptions } from './typed-decisions.js'
import { type AccessRules, type CompiledRules, compileRules } from './typed-rules.js'

/** How rights are decided. */
export interface AclOptions extends AuthOptions {
  /**
   * The treatment of a filter that matches more than the rules allow: it is refused at SUBSCRIBE, or granted, and the
   * messages beyond the rules are held back at delivery. Of a file, the second, as Mosquitto has it.
   * @default 'refuse' for typed rules
   */
  widerFilter?: 'refuse' | 'narrow'
  /**
   * Whether a user name or client identifier with `/` in it is denied where rules have a place for it: it would fill
   * several levels. @default 'deny' for typed rules, 'allow' for a file, as Mosquitto has it
   */
  slashInNames?: 'allow' | 'deny'
  /**
   * The answer to a denied publish of a client before 5.0, which cannot be told: the connection is closed, or the message
   * is acknowledged and dropped. 5.0 has 0x87. @default 'disconnect' for typed rules, 'acknowledge' for a file, as Mosquitto
   */
  olderClients?: 'disconnect' | 'acknowledge'
  /**
   * Whether a retained message is withheld whose publisher may not write there any more. Roles, groups and attributes of
   * the publisher are not known by then. @default 'trust' for typed rules, 'check' for a file, as Mosquitto
   */
  retainedPublisher?: 'check' | 'trust'
}

/** Rules, or a function that is asked for them, again at each reload. */
export type AclSource = string | AccessRules | (() => AccessRules)

/**
 * Lets clients publish, subscribe and receive what the rules allow, and nothing else.
 * @param source the path of a file in Mosquitto's syntax; or typed rules
 * @throws AnaxError ANAX_ERR_OPTION where the file cannot be read, or a line or rule is not acceptable
 */
export function aclFile(source: AclSource, options: AclOptions = {}): Auth {
  return new Auth({ authorizer: aclAuthorizer(source, options) }, authOptions(options))
}

/** The authorizer alone, for modules that bring their own rules. */
export function aclAuthorizer(source: AclSource, options: AclOptions): Authorizer {
  const { widerFilter, slashInNames, olderClients, retainedPublisher } = options
  if (olderClients !== undefined && olderClients !== 'disconnect' && olderClients !== 'acknowledge') {
    throw optionError("olderClients is 'disconnect' or 'acknowledge'")
  }
  if (retainedPublisher !== undefined && retainedPublisher !== 'check' && retainedPublisher !== 'trust') {
    throw optionError("retainedPublisher is 'check' or 'trust'")
  }
  if (slashInNames !== undefined && slashInNames !== 'allow' && slashInNames !== 'deny') {
    throw optionError("slashInNames is 'allow' or 'deny'")
  }
  if (widerFilter !== undefined && widerFilter !== 'refuse' && widerFilter !== 'narrow') {
    throw optionError("widerFilter is 'refuse' or 'narrow'")
  }
  if (typeof source === 'string') {
    if (widerFilter === 'refuse')
      throw optionError('the rules of a file are filtered at delivery: widerFilter is for typed rules')
    const authorizer = new FileAuthorizer(source, slashInNames ?? 'allow')
    return withHabits(authorizer, olderClients ?? 'acknowledge', retainedPublisher ?? 'check')
  }
  const typed = { widerFilter: widerFilter ?? 'refuse', slashInNames: slashInNames ?? 'deny' } as const
  if (typeof source !== 'function' && (typeof source !== 'object' || source === null)) {
    throw optionError('aclFile takes the path of a file, or rules')
  }
  const authorizer = new TypedAuthorizer(typeof source === 'function' ? source : () => source, typed)
  return withHabits(authorizer, olderClients ?? 'disconnect', retainedPublisher ?? 'trust')
}

function withHabits(
  authorizer: FileAuthorizer | TypedAuthorizer,
  olderClients: 'disconnect' | 'acknowledge',
  retainedPublisher: 'check' | 'trust',
): Authorizer {
  const retained = (publisher: Subject, topic: string) => authorizer.publish(publisher, topic)
  return Object.assign(authorizer, { olderClients, ...(retainedPublisher === 'check' && { retained }) })
}

/** The common reaction to changed rules. */
class Watched {
  readonly #listeners: (() => void)[] = []

  watch(listener: () => void): void {
    this.#listeners.push(listener)
  }

  protected changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

class FileAuthorizer extends Watched implements Authorizer {
  readonly name: string
  readonly #options: { slashInNames: 'allow' | 'deny' }
  #rules: MosquittoRules

  constructor(path: string, slashInNames: 'allow' | 'deny') {
    super()
    this.name = path
    this.#options = { slashInNames }
    this.#rules = parseAclFile(readText(path), path)
  }

  publish(subject: Subject, topic: string): Decision {
    return decide(this.#rules, subject, 'write', topic, this.#options)
  }

  subscribe(): Decision {
    return decideSubscribe()
  }

  receive(subject: Subject, topic: string): Decision {
    return decide(this.#rules, subject, 'read', topic, this.#options)
  }

  reload(): void {
    this.#rules = parseAclFile(readText(this.name), this.name)
    this.changed()
  }
}

class TypedAuthorizer extends Watched implements Authorizer {
  readonly name = 'rules'
  readonly #source: () => AccessRules
  readonly #options: TypedOptions
  #rules: CompiledRules
  #rights = new WeakMap<Subject, { version: number; rights: Rights }>()

  constructor(source: () => AccessRules, options: TypedOptions) {
    super()
    this.#source = source
    this.#options = options
    this.#rules = compileRules(source())
  }

  publish(subject: Subject, topic: string): Decision {
    return this.#rightsOf(subject).publish(topic)
  }

  subscribe(subject: Subject, filter: string): Decision {
    return this.#rightsOf(subject).subscribe(filter)
  }

  receive(subject: Subject, topic: string): Decision {
    return this.#rightsOf(subject).receive(topic)
  }

  reload(): void {
    this.#rules = compileRules(this.#source())
    this.#rights = new WeakMap()
    this.changed()
  }

  #rightsOf(subject: Subject): Rights {
    const known = this.#rights.get(subject)
    if (known !== undefined && known.version === subject.version) return known.rights
    const rights = new Rights(this.#rules, subject, this.#options)
    this.#rights.set(subject, { version: subject.version, rights })
    return rights
  }
}
