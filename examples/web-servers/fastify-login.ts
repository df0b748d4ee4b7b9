/**
 * A login page in a Fastify app that hands out tokens for MQTT over WebSocket: a client sends its token as the password.
 * The token contains what its user may do, and expires after a minute, which ends the connection.
 *
 *   npm run build && node dist/examples/web-servers/fastify-login.js
 */
import { generateKeyPairSync } from 'node:crypto'
import { createBroker } from 'anax'
import { jwt } from 'anax/auth'
import { attachWebSocket } from 'anax/server'
import fastify from 'fastify'
import { SignJWT } from 'jose'

const PAGE = `<!doctype html><title>Log in</title>
<form onsubmit="send(event)"><input name="name"><input name="password" type="password"><button>Log in</button></form>
<script>
async function send(event) {
  event.preventDefault()
  const body = JSON.stringify(Object.fromEntries(new FormData(event.target)))
  const answer = await fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  document.body.textContent = answer.ok ? 'Your token: ' + (await answer.json()).token : 'Wrong'
}
</script>`

const passwords = new Map([['alice', 'wonderland']])
/** The broker has the public one only: it could be another process, and fetch it by `jwks`. */
const { publicKey, privateKey } = generateKeyPairSync('ed25519')

const app = fastify()
app.get('/', (_request, reply) => reply.type('text/html').send(PAGE))
app.post<{ Body: { name?: string; password?: string } }>('/login', async ({ body }, reply) => {
  const { name, password } = body
  if (name === undefined || password === undefined || passwords.get(name) !== password) return reply.code(401).send()
  const acl = { pub: [`users/${encodeURIComponent(name)}/#`], sub: [`users/${encodeURIComponent(name)}/#`, 'news/#'] }
  const token = new SignJWT({ sub: name, acl }).setProtectedHeader({ alg: 'EdDSA' }).setExpirationTime('60s')
  return { token: await token.sign(privateKey) }
})

const auth = jwt({ algorithms: ['EdDSA'], key: publicKey })
const broker = await createBroker({ ...auth })
const webSocket = attachWebSocket(broker, app.server, { path: '/mqtt' })
app.addHook('preClose', async () => {
  webSocket.close()
  await broker.close()
  auth.close()
})

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`Listening on ${url} and ${url.replace('http:', 'ws:')}/mqtt`)

process.once('SIGTERM', () => app.close())
