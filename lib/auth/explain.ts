/**
 * Answers what a hypothetical client would be allowed to do and why, for people who search for the rule that denies
 * something. Asks the parts the same questions as the hooks; emits no event.
 */

import { isReserved } from './hooks/permission.js'
import { type Identity, Subject } from './identity.js'
import type { Action, Authorizer, Decision, Parts } from './parts.js'
import { plainFilter } from './util/topics.js'

/** A hypothetical client, and its request. */
export interface Question extends Omit<Identity, 'username' | 'expiresAt' | 'limits'> {
  /** Its user name. @default anonymous */
  user?: string
  clientId: string
  /** `receive`: whether the client gets a message of the topic if it has a matching subscription. */
  action: Action
  /** A topic; for `subscribe`, a filter. */
  topic: string
  /** The name of its listener, for `byListener`. @default none */
  listener?: string
  /** Its transport, for `byTransport`: `tcp`, `tls`, `ws`, `wss`, `unix` or `stream`. @default none */
  transport?: string
  /** The port of the listener, for `byPort`. @default none */
  port?: number
}

/** The answer to a question. */
export interface Explanation {
  allowed: boolean
  /** The reason of a denial. */
  code: Decision['code']
  /** The rule that decided, and its location. */
  rule: string | undefined
  /** The module that was asked. */
  by: string
}

export async function explain({ authorizer }: Parts, question: Question): Promise<Explanation> {
  const { user, clientId, action, topic, listener = '', transport = '', port, ...identity } = question
  if (authorizer === undefined) return { allowed: true, code: undefined, rule: undefined, by: '' }
  const subject = new Subject({ id: clientId, username: user }, { listener, transport, port: String(port ?? '') })
  subject.identify({ username: user, ...identity }, authorizer, undefined)
  const decision = await decide(authorizer, subject, action, topic)
  const allowed = decision.verdict === 'allow' || (action === 'receive' && decision.verdict === 'unknown')
  return {
    allowed,
    code: allowed ? undefined : (decision.code ?? 'nobody-knows'),
    rule: decision.rule,
    by: authorizer.name,
  }
}

async function decide(authorizer: Authorizer, subject: Subject, action: Action, topic: string): Promise<Decision> {
  switch (action) {
    case 'publish':
      return isReserved(topic) ? RESERVED : authorizer.publish(subject, topic)
    case 'subscribe':
      return authorizer.subscribe(subject, plainFilter(topic))
    case 'receive':
      return authorizer.receive?.(subject, topic) ?? { verdict: 'unknown', lasting: false }
  }
}

const RESERVED: Decision = { verdict: 'deny', code: 'reserved-topic', lasting: true }
