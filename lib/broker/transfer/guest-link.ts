/**
 * The connection of an import or an export to a cluster: a guest, which takes care of no session and gets no message.
 * Must not know what is read or written.
 */
import { randomBytes } from 'node:crypto'
import type { Cluster, JoinRequest } from '../../../types/cluster.js'
import { ClusterLink } from '../../cluster/cluster-link.js'
import { Timers } from '../../util/scheduling/timers.js'
import { systemClock } from '../options.js'

const LEASE_MS = 15_000

export interface GuestLinkParts {
  readonly cluster: Cluster
  readonly purpose: NonNullable<JoinRequest['purpose']>
  /** Called when a node claims a client of this guest. */
  letGo(clientId: string): Promise<void>
  /** Called for a failure in the background, and when the lease is lost. */
  failed(error: unknown): void
}

export function guestLink({ cluster, purpose, letGo, failed }: GuestLinkParts): ClusterLink {
  return new ClusterLink({
    cluster,
    purpose,
    node: `${purpose}-${randomBytes(6).toString('hex')}`,
    leaseMs: LEASE_MS,
    timers: new Timers(systemClock),
    events: {
      failed,
      letGo,
      message() {},
      signal() {},
      deadline() {},
      orphan() {},
      membership() {},
      refused() {},
      clockWrong() {},
    },
    lost: async error => failed(error),
    joined: async () => {},
  })
}
