/** The exports of `anax/auth`: modules of authentication and authorization, and functions that combine them. */
export { type AclOptions, type AclSource, aclFile } from './acl/acl-file.js'
export { type AccessRules, allow, deny, type Rule, type RuleSet, type RuleTopics } from './acl/typed-rules.js'
export { type AnonymousOptions, anonymous } from './anonymous.js'
export { Auth, type AuthEvents } from './auth.js'
export { type ClientCertificateOptions, clientCertificate } from './certificate/client-certificate.js'
export type { CertificateIdentity } from './certificate/names.js'
export { allOf, byListener, byPort, byTransport, compose, type TransportKind } from './compose.js'
export { type CustomCheck, type CustomOptions, custom } from './custom.js'
export type { Explanation, Question } from './explain.js'
export type { Denial, DenialCode } from './hooks/denials.js'
export { type HttpAuthOptions, httpAuth } from './http/http-auth.js'
export type { HttpPreset } from './http/presets.js'
export { type Identity, type IdentityRule, identityOf } from './identity.js'
export { type JwtOptions, jwt } from './jwt/jwt.js'
export type { TokenPlace } from './jwt/token-places.js'
export type { JsonWebKey, KeySet, TokenOptions } from './jwt/verifier.js'
export type { AuthOptions } from './options.js'
export type { Action, Attempt } from './parts.js'
export type { HashLimits } from './passwords/hash-queue.js'
export { type HashFormat, hashPassword } from './passwords/hashes.js'
export {
  type PasswordEntries,
  type PasswordFileOptions,
  type PasswordSource,
  passwordFile,
} from './passwords/password-file.js'
export { type ScramMethod, scramCredentials } from './scram/credentials.js'
export { type ScramOptions, type ScramUsers, scram } from './scram/scram.js'
export { transportOf } from './util/origin.js'
