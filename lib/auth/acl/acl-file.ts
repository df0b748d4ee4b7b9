/**
 * `aclFile`: permissions from Mosquitto's ACL file, or from rules in TypeScript. Owns the options and the reload;
 * mosquitto-rules.ts and typed-decisions.ts evaluate rules.
 */
import { Auth } from '../auth.js'
import type { Subject } from '../identity.js'
import { type AuthOptions, authOptions, checkChoice, optionError } from '../options.js'
import type { Authorizer, Decision } from '../parts.js'
import { readText } from '../util/files.js'
import { type MosquittoRules, parseAclFile } from './mosquitto-file.js'
import { decide, decideSubscribe } from './mosquitto-rules.js'
import { Rights, type TypedOptions } from './typed-decisions.js'
import { type AccessRules, type CompiledRules, compileRules } from './typed-rules.js'

/** Options of `aclFile`. */
export interface AclOptions extends AuthOptions {
  /**
   * The treatment of a filter that matches more than the rules allow: it is refused at SUBSCRIBE, or granted, and
   * messages beyond the rules are held back at delivery. For a file always the latter, as in Mosquitto.
   * @default 'refuse' for typed rules
   */
  widerFilter?: 'refuse' | 'narrow'
  /**
   * Whether a client with `/` in its user name or client identifier is denied if its rules have a placeholder for it,
   * because the name would fill several levels. @default 'deny' for typed rules, 'allow' for a file, as in Mosquitto
   */
  slashInNames?: 'allow' | 'deny'
  /**
   * What happens when a client before 5.0 is denied a publish: the connection is closed, or the message is acknowledged
   * and dropped. A 5.0 client gets 0x87. @default 'disconnect' for typed rules, 'acknowledge' for a file, as in
   * Mosquitto
   */
  olderClients?: 'disconnect' | 'acknowledge'
  /**
   * Whether a retained message is withheld if its publisher may no longer write there. The publisher's roles, groups
   * and attributes are not known by then. @default 'trust' for typed rules, 'check' for a file, as in Mosquitto
   */
  retainedPublisher?: 'check' | 'trust'
}

/** The path of a file, rules, or a function that returns rules and is called again at each reload. */
export type AclSource = string | AccessRules | (() => AccessRules)

/**
 * Lets clients publish, subscribe and receive what the rules allow, and nothing else.
 * @param source the path of a file in Mosquitto's syntax; or typed rules
 * @throws AnaxError ANAX_ERR_OPTION if the file cannot be read, or a line or rule is invalid
 */
export function aclFile(source: AclSource, options: AclOptions = {}): Auth {
  return new Auth({ authorizer: aclAuthorizer(source, options) }, authOptions(options))
}

/** The authorizer alone, for modules with their own rules. */
export function aclAuthorizer(source: AclSource, options: AclOptions): Authorizer {
  const { widerFilter, slashInNames, olderClients, retainedPublisher } = options
  checkChoice('olderClients', olderClients, ['disconnect', 'acknowledge'])
  checkChoice('retainedPublisher', retainedPublisher, ['check', 'trust'])
  checkChoice('slashInNames', slashInNames, ['allow', 'deny'])
  checkChoice('widerFilter', widerFilter, ['refuse', 'narrow'])
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
