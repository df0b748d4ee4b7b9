/**
 * MQTT over TLS, with a certificate that is created at start. (In production, read yours from files.)
 *
 *   npm run build && node dist/examples/tls.js
 *   mosquitto_sub -p 8883 --cafile /tmp/anax-example.pem -t 'test/#' -v
 */
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBroker } from 'anax'
import { createServer } from 'anax/server'
import { generate } from 'selfsigned'

const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  algorithm: 'sha256',
  extensions: [
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ],
})
const file = join(process.env.CERTIFICATE_DIR ?? tmpdir(), 'anax-example.pem')
await writeFile(file, cert)

const broker = await createBroker()
const server = await createServer(broker, {
  transport: 'tls',
  port: Number(process.env.PORT ?? 8883),
  tls: { key, cert },
})
console.log(`The certificate is in ${file}`)
console.log(`Listening on ${server.addresses[0]?.url}`)

process.once('SIGTERM', async () => {
  await server.close()
  await broker.close()
})
