/**
 * Devices of Azure IoT Hub with their shared access signatures: the same user name, password and topics as there.
 * The signature has an expiry, and the connection ends with it.
 *
 *   npm run build && node dist/examples/auth/azure-sas.js
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { createBroker } from 'anax'
import { type Auth, aclFile, allow, compose, custom } from 'anax/auth'
import { createServer } from 'anax/server'

const HUB = 'example.azure-devices.net'

/** `SharedAccessSignature sr=HUB/devices/ID&sig=…&se=SECONDS` */
export function sharedAccessSignature(deviceId: string, key: string, expiresAt: number): string {
  const resource = encodeURIComponent(`${HUB}/devices/${deviceId}`)
  const signature = sign(resource, String(expiresAt), key).toString('base64')
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiresAt}`
}

/** @param keys device -> its key, in base64 */
export function iotHub(keys: ReadonlyMap<string, string>): Auth {
  const devices = custom(
    ({ client, username = '', password }) => {
      const [hub, deviceId] = username.split('/')
      if (hub !== HUB || deviceId !== client.id) return undefined
      const [scheme, text = ''] = (password?.toString() ?? '').split(' ')
      const { sr, sig, se } = Object.fromEntries(text.split('&').map(part => part.split(/=(.*)/s))) as Record<
        string,
        string
      >
      // an unknown device costs as much as a wrong signature
      const key = keys.get(client.id) ?? 'AAAA'
      const expected = sign(sr ?? '', se ?? '', key)
      const given = Buffer.from(decodeURIComponent(sig ?? ''), 'base64')
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
      const isFor = decodeURIComponent(sr ?? '') === `${HUB}/devices/${client.id}`
      const isValid = scheme === 'SharedAccessSignature' && isSigned && isFor && Number(se) * 1000 > Date.now()
      return isValid && keys.has(client.id) && { username: client.id, roles: ['device'], expiresAt: Number(se) * 1000 }
    },
    { name: 'shared access signatures', stillKnows: (_identity, clientId) => keys.has(clientId) },
  )
  const rights = aclFile({
    roles: {
      device: [
        allow({ publish: 'devices/%c/messages/events/#', subscribe: 'devices/%c/messages/devicebound/#' }),
        allow({ publish: '$iothub/twin/#', subscribe: '$iothub/twin/#' }),
      ],
    },
  })
  return compose([devices, rights])
}

function sign(resource: string, expiry: string, key: string): Buffer {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(`${resource}\n${expiry}`).digest()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const key = Buffer.from('the key of device d1').toString('base64')
  const auth = iotHub(new Map([['d1', key]]))
  const broker = await createBroker({ ...auth })
  const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })
  console.log(`Listening on ${server.addresses[0]?.url}`)
  console.log(`mosquitto_pub -i d1 -u '${HUB}/d1/?api-version=2021-04-12' -t devices/d1/messages/events/ -m hello \\`)
  console.log(`  -P '${sharedAccessSignature('d1', key, Math.floor(Date.now() / 1000) + 3600)}'`)

  process.once('SIGTERM', async () => {
    await server.close()
    await broker.close()
    auth.close()
  })
}
