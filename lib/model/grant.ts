/**
 * Merges the matching subscriptions of one client into one copy of each message. The same rules
 * for a copy that is queued and for one that is sent at once; must not know the client, nor where its copy goes.
 */
import type { QoS } from '../../types/message/packets.js'

/** How a client gets the messages of a topic. */
export interface Grant {
  /** The highest of its subscriptions [MQTT-3.3.4-2]. */
  readonly qos: QoS
  /** Whether one of them keeps the publisher's RETAIN flag. */
  readonly rap: boolean
  /** The identifiers of all of them [MQTT-3.3.4-3], [MQTT-3.3.4-4]. */
  readonly subscriptionIdentifiers: readonly number[] | undefined
}

/** One subscription, as a store or a session has it. */
export interface GrantingSubscription {
  readonly qos: QoS
  readonly rap?: boolean | undefined
  readonly subscriptionIdentifier?: number | undefined
}

/** The grant of one subscription. */
export function grantOf({ qos, rap, subscriptionIdentifier }: GrantingSubscription): Grant {
  const subscriptionIdentifiers = subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier]
  return { qos, rap: rap === true, subscriptionIdentifiers }
}

/** Merges the grants of two subscriptions of one client. */
export function mergeGrants(one: Grant, other: Grant): Grant {
  return mergeAllGrants([one, other])
}

/** Merges the grants of several subscriptions of one client. */
export function mergeAllGrants(grants: Iterable<Grant>): Grant {
  const identifiers: number[] = []
  let qos: QoS = 0
  let rap = false
  for (const grant of grants) {
    if (grant.qos > qos) qos = grant.qos
    if (grant.rap) rap = true
    if (grant.subscriptionIdentifiers !== undefined) identifiers.push(...grant.subscriptionIdentifiers)
  }
  return { qos, rap, subscriptionIdentifiers: identifiers.length > 0 ? identifiers : undefined }
}

/** The QoS of a client's copy [MQTT-3.8.4-8]. */
export function grantedQoS(message: { readonly qos: QoS }, grant: Pick<Grant, 'qos'>): QoS {
  return message.qos < grant.qos ? message.qos : grant.qos
}

/** The RETAIN flag of a client's copy [MQTT-3.3.1-12], [MQTT-3.3.1-13]. */
export function grantedRetain(message: { readonly retain: boolean }, grant: Pick<Grant, 'rap'>): boolean {
  return message.retain && grant.rap
}
