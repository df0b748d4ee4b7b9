/**
 * The demands of `--public`: the steps of docs/security/hardening.md, each with its error and its remedy. Owns the
 * list; reads no file.
 */
import { isLoopback, type Settings } from './settings.js'

/** A missing step. */
export interface MissingStep {
  /** Its heading in docs/security/hardening.md. */
  step: string
  /** What to do. */
  advice: string
}

/** @param userId user id of the process; undefined if the system has none */
export function missingSteps(settings: Settings, userId: number | undefined): MissingStep[] {
  const { access, limits, ports, tls, data, metrics } = settings
  const rates = settings.rates.rates ?? {}
  const missing: MissingStep[] = []
  const demand = (isDone: boolean, step: string, advice: string): void => {
    if (!isDone) missing.push({ step, advice })
  }
  demand(userId !== 0, 'A user of its own', 'start it as a user that is not root')
  demand(tls !== undefined, 'TLS', 'give --cert and --key')
  demand(
    isLoopback(settings.host) || (ports.tcp === undefined && ports.ws === undefined),
    'TLS',
    'give --port off and --ws-port off: plain listeners are for this machine only',
  )
  demand(!access.allowAnonymous, 'Authentication', 'leave out --allow-anonymous')
  demand(
    access.passwordFile !== undefined || access.token !== undefined || access.tlsIdentity !== undefined,
    'Authentication',
    'give --password-file, --jwt-key, --jwt-jwks or --tls-identity',
  )
  demand(access.users.length === 0, 'Authentication', 'give --password-file: others on this machine can see --user')
  demand(settings.rates.authenticationDelay !== undefined, 'Authentication', 'leave out --auth-delay off')
  demand(access.aclFile !== undefined, 'Authorization', 'give --acl-file')
  demand(limits.maxConnections !== undefined, 'Limits', 'give --max-connections, as many as there are devices')
  demand(limits.maxSessionExpiry !== undefined, 'Limits', 'give --max-session-expiry: sessions never expire by default')
  demand(rates.client !== undefined, 'Rates', 'give --client-rates messages=100,bytes=1000000,connects=1, for instance')
  demand(rates.address?.connectsPerSecond !== undefined, 'Rates', 'give --address-rates connects=20, for instance')
  demand(data !== undefined || settings.cluster !== undefined, 'Storage', 'leave out --memory')
  demand(
    metrics === undefined || isLoopback(metrics.host),
    'Administration',
    'give --metrics a port of this machine only',
  )
  return missing
}

/** The message that lists all missing steps. */
export function missingText(missing: readonly MissingStep[]): string {
  const lines = missing.map(({ step, advice }) => `  ${step}: ${advice}`)
  return ['--public: these steps of docs/security/hardening.md are missing', ...lines].join('\n')
}
