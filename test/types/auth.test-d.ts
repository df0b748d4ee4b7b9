/** The types of anax/auth: what a caller may write, and what the compiler refuses. */

import {
  type Auth,
  aclFile,
  allow,
  compose,
  custom,
  deny,
  httpAuth,
  identityOf,
  jwt,
  passwordFile,
  scram,
} from '../../lib/auth/index.js'
import { createBroker } from '../../lib/index.js'
import type { Client } from '../../types/client/client.js'
import { expectType } from './expect.js'

declare const client: Client

const auth = compose([passwordFile({ alice: '$scrypt$' }), aclFile({ everyone: [allow({ publish: 'a' })] })])
expectType<Auth>(auth)
void createBroker({ ...auth, maxConnections: 1 })
expectType<string | undefined>(identityOf(client).username)
expectType<Promise<void>>(auth.reload())
auth.on('denied', ({ code, client }) => {
  expectType<Client | null>(client)
  // @ts-expect-error: no such code
  if (code === 'nonsense') return
})

// @ts-expect-error: what is put together are modules
compose([{}])
// @ts-expect-error: algorithms have to be said
jwt({ key: 'x' })
// @ts-expect-error: no such place
jwt({ algorithms: ['RS256'], key: 'x', from: ['header'] })
// @ts-expect-error: an access that there is not
deny({ read: 'a' })
// @ts-expect-error: no such preset
httpAuth({ authenticate: 'http://x', preset: 'other' })
// @ts-expect-error: users have to be said
scram({})
// @ts-expect-error: true is no identity
custom(() => true)
