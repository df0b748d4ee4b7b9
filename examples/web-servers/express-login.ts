/**
 * A login page in an Express app, and MQTT over WebSocket for whoever is logged in: the page gets a token in a cookie
 * that its scripts cannot read, and the browser sends it along when the WebSocket opens.
 *
 *   npm run build && node dist/examples/web-servers/express-login.js
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBroker } from 'anax'
import { aclFile, allow, compose, jwt } from 'anax/auth'
import { attachWebSocket } from 'anax/server'
import express from 'express'
import { SignJWT } from 'jose'

const PAGE = `<!doctype html><title>Log in</title>
<form method="post" action="/login"><input name="name"><input name="password" type="password"><button>Log in</button></form>`

const passwords = new Map([['alice', 'wonderland']])
const secret = randomBytes(32)

const app = express()
app.use(express.urlencoded({ extended: false }))
app.get('/', (_request, response) => void response.send(PAGE))
app.post('/login', async (request, response) => {
  const { name, password } = request.body as { name?: string; password?: string }
  if (name === undefined || password === undefined || passwords.get(name) !== password) {
    response.status(401).send(PAGE)
    return
  }
  const token = await new SignJWT({ sub: name })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(secret)
  response.cookie('session', token, { httpOnly: true, sameSite: 'strict' }).send(`Hello ${encodeURIComponent(name)}`)
})

const http = createServer(app).listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
await once(http, 'listening')
const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`

const auth = compose([
  jwt({ algorithms: ['HS256'], key: secret, from: ['cookie'], cookie: 'session', allowedOrigins: [origin] }),
  aclFile({ everyone: [allow({ all: 'users/%u/#', subscribe: 'news/#' })] }),
])
const broker = await createBroker({ ...auth })
const webSocket = attachWebSocket(broker, http, { path: '/mqtt' })
console.log(`Listening on ${origin} and ${origin.replace('http:', 'ws:')}/mqtt`)

process.once('SIGTERM', async () => {
  webSocket.close()
  await broker.close()
  auth.close()
  http.close()
  http.closeAllConnections()
})
