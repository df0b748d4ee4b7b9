/**
 * Access control of the command's broker: creates modules of anax/auth from the options. Owns how they are combined;
 * each module checks its own files.
 */
import type { Logger } from '../../../types/logger.js'
import {
  type Auth,
  aclFile,
  anonymous,
  clientCertificate,
  compose,
  hashPassword,
  jwt,
  passwordFile,
} from '../../auth/index.js'
import { AnaxError } from '../../index.js'
import { CommandError, reasonOf } from '../command-error.js'
import type { AccessSettings } from '../options/access-settings.js'

/** The hooks; undefined if everybody may do everything. @throws CommandError for an unusable file */
export async function accessOf(access: AccessSettings, logger: Logger): Promise<Auth | undefined> {
  try {
    const modules = await modulesOf(access)
    if (modules.length === 0) return undefined
    const auth = compose(modules, { log: line => logger.warn({}, line) })
    auth.on('reloadFailed', error => logger.error({ err: unusable(error) }, 'what was read before stays in use'))
    return auth
  } catch (error) {
    throw error instanceof AnaxError ? unusable(error) : error
  }
}

/** A module's message about a file, without the part for programmers. */
function unusable({ message, cause }: AnaxError): CommandError {
  const text = message.replace(/^Invalid option: /, '')
  return new CommandError(text.startsWith('cannot read ') ? `${text}: ${reasonOf(cause)}` : text)
}

async function modulesOf({
  users,
  passwordFile: passwords,
  tlsIdentity,
  tlsCrl,
  token,
  aclFile: rules,
  allowAnonymous,
}: AccessSettings): Promise<Auth[]> {
  const modules: Auth[] = []
  if (tlsIdentity !== undefined) {
    modules.push(clientCertificate({ identity: tlsIdentity, ...(tlsCrl !== undefined && { crl: tlsCrl }) }))
  }
  if (users.length > 0) {
    const hashed = users.map(async ({ name, password }) => [name, await hashPassword(password)] as const)
    modules.push(passwordFile(new Map(await Promise.all(hashed))))
  }
  if (passwords !== undefined) modules.push(passwordFile(passwords))
  if (token !== undefined) modules.push(jwt(token))
  // alone, it would refuse clients with a user name, which no option requests
  if (allowAnonymous && (modules.length > 0 || rules !== undefined)) modules.push(anonymous())
  if (rules !== undefined) modules.push(aclFile(rules))
  return modules
}
