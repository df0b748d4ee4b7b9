/**
 * Creates what keeps sessions and wills: the registry of sessions, the limits of what is stored, and the housekeeping
 * of deadlines. Must not know connections.
 */

import { RetainedDeliveries } from '../../model/retained-deliveries.js'
import type { Ports } from '../../ports/ports.js'
import { BrokerAdmission } from '../admission/admission.js'
import { FailedWrites } from '../sessions/failed-writes.js'
import { Housekeeping } from '../sessions/housekeeping.js'
import { SessionLimits } from '../sessions/session-limits.js'
import { SessionRegistry } from '../sessions/session-registry.js'
import { WillLimits } from '../sessions/will-limits.js'
import { Wills } from '../sessions/wills.js'
import type { PublishingParts } from './publishing.js'
import type { Services } from './services.js'
import type { StorageParts } from './storage.js'

export class SessionParts {
  /** What every session uses of the broker. */
  readonly sessionPorts: Ports
  readonly admission: BrokerAdmission
  readonly willLimits: WillLimits
  readonly sessionLimits: SessionLimits
  readonly sessions: SessionRegistry
  readonly housekeeping: Housekeeping

  /** @param deadlineSet called when something with a deadline was stored */
  constructor(services: Services, storage: StorageParts, publishing: PublishingParts, deadlineSet: () => void) {
    const { options, authorizer } = services
    const { store, cluster } = storage
    const failedWrites = new FailedWrites(deadlineSet)
    this.sessionPorts = sessionPorts(services, storage, publishing)
    this.admission = new BrokerAdmission({ ...services, isExempt: client => authorizer.isExempt(client) })
    this.willLimits = new WillLimits(options)
    this.sessionLimits = new SessionLimits(store, options)
    this.sessions = new SessionRegistry({
      ...services,
      store,
      router: publishing.router,
      wills: new Wills({
        ...services,
        store,
        own: publishing.own,
        failedWrites,
        willLimits: this.willLimits,
        deadlineSet,
      }),
      failedWrites,
      sessionLimits: this.sessionLimits,
      flapping: this.admission.flapping,
      ownership: cluster,
      ports: this.sessionPorts,
      deadlineSet,
    })
    this.housekeeping = new Housekeeping({ ...services, store, sessions: this.sessions })
  }
}

function sessionPorts(services: Services, { store, cluster }: StorageParts, publishing: PublishingParts): Ports {
  const { sink, router, backPressure } = publishing
  const retainedDeliveries = new RetainedDeliveries()
  return {
    ...services,
    store,
    sink,
    router,
    retained: {
      matching: filters => (cluster ?? store).retained(filters),
      delivery: (message, qos) => retainedDeliveries.of(message, qos),
    },
    roomForNext: message => backPressure.roomForNext(message),
  }
}
