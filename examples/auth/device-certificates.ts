/**
 * Devices that authenticate with certificates: this file creates an authority and a certificate for one device, and the
 * device may use the topics of its own name. (In production, the key of the authority is kept elsewhere.)
 *
 *   npm run build && node dist/examples/auth/device-certificates.js
 *   mosquitto_pub -p 8883 --cafile /tmp/anax-devices/ca.pem --cert /tmp/anax-devices/device-1.pem \
 *     --key /tmp/anax-devices/device-1.key -i device-1 -t devices/device-1/state -m on
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBroker } from 'anax'
import { aclFile, allow, clientCertificate, compose } from 'anax/auth'
import { createServer } from 'anax/server'
import { generate } from 'selfsigned'

const EC = { keyType: 'ec', algorithm: 'sha256' } as const
const folder = join(process.env.CERTIFICATE_DIR ?? tmpdir(), 'anax-devices')

const authority = await generate([{ name: 'commonName', value: 'Devices' }], {
  ...EC,
  extensions: [{ name: 'basicConstraints', cA: true }],
})
const ca = { key: authority.private, cert: authority.cert }
const server = await generate([{ name: 'commonName', value: 'localhost' }], {
  ...EC,
  ca,
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
const device = await generate([{ name: 'commonName', value: 'device-1' }], { ...EC, ca })

await mkdir(folder, { recursive: true })
await writeFile(join(folder, 'ca.pem'), ca.cert)
await writeFile(join(folder, 'device-1.pem'), device.cert)
await writeFile(join(folder, 'device-1.key'), device.private, { mode: 0o600 })

const auth = compose([
  clientCertificate({ identity: 'cn', mustEqual: 'clientId' }),
  aclFile({ everyone: [allow({ all: 'devices/%u/#' })] }),
])
const broker = await createBroker({ ...auth })
const listener = await createServer(broker, {
  transport: 'tls',
  port: Number(process.env.PORT ?? 8883),
  tls: { key: server.private, cert: server.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
})
console.log(`The certificates are in ${folder}`)
console.log(`Listening on ${listener.addresses[0]?.url}`)

process.once('SIGTERM', async () => {
  await listener.close()
  await broker.close()
  auth.close()
})
