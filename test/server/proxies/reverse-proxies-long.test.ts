/** The example configurations of HAProxy and nginx, with the real programs, in front of the command. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { after, describe, it } from 'node:test'
import tls from 'node:tls'
import { MqttClient } from 'mqtt'
import { createWebSocketStream, WebSocket } from 'ws'
import { nextMessage } from '../../support/clients/mqtt.js'
import { RunningProcess, startCommand } from '../../support/programs/command.js'
import { freePort } from '../../support/programs/free-ports.js'
import { makeCertificate, temporaryFolder } from '../../support/tls/certificate.js'

const EXAMPLES = new URL('../../../../examples/proxies/', import.meta.url)

/** The address of the clients; the proxies connect to the broker from 127.0.0.1. */
const ELSEWHERE = '127.0.0.2'

const certificate = await makeCertificate()
const folder = temporaryFolder()
after(() => folder.remove())

describe('HAProxy', missing('haproxy', '-v'), () => {
  it('passes on the addresses of clients, over TCP, TLS and WebSocket', async () => {
    const pem = folder.write('server.pem', `${certificate.cert}\n${certificate.key}`)
    await using scene = await open('haproxy.cfg', ['1883', '8883', '8083'], (file, text) =>
      program('haproxy', ['-db', '-f', folder.write(file, text.replace('server.pem', pem))]),
    )
    await scene.roundTrip('1883', 'mqtt')
    await scene.roundTrip('8883', 'mqtts')
    await scene.roundTrip('8083', 'ws')
  })
})

describe('nginx', missing('nginx', '-v'), () => {
  it('passes on the addresses of clients, over TCP and WebSocket', async () => {
    await using scene = await open('nginx.conf', ['1883', '8083'], (file, text) => {
      const settings = `daemon off; pid ${folder.path}/nginx.pid; error_log stderr;`
      const logs = `access_log off; client_body_temp_path ${folder.path}; proxy_temp_path ${folder.path};`
      const temporary = ['fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder.path};`).join(' ')
      const whole = `${settings}\n${text.replace('http {', `http { ${logs} ${temporary}`)}`
      return program('nginx', ['-e', 'stderr', '-c', folder.write(file, whole)])
    })
    await scene.roundTrip('1883', 'mqtt')
    await scene.roundTrip('8083', 'ws')
  })
})

function missing(name: string, flag: string): { skip?: string } {
  return spawnSync(name, [flag]).error === undefined ? {} : { skip: `${name} is not installed` }
}

function program(name: string, args: string[]): RunningProcess {
  return new RunningProcess(name, args)
}

/** Starts the command and a proxy in front of it; free ports replace those of the example. */
async function open(
  example: string,
  entrances: readonly string[],
  start: (file: string, text: string) => RunningProcess,
  ...flags: string[]
) {
  const broker = await startCommand('--trusted-proxies', '127.0.0.1', '--proxy-protocol', ...flags)
  const ports = new Map<string, number>()
  for (const port of ['1883', '8883', '8083']) ports.set(port, await freePort())
  ports.set('1884', portOf(broker.urls.mqtt))
  ports.set('8085', portOf(broker.urls.ws))
  const text = readFileSync(new URL(example, EXAMPLES), 'utf8').replace(/\b(1883|1884|8883|8083|8085)\b/g, port =>
    String(ports.get(port)),
  )
  const proxy = start(example, text)
  for (const port of entrances) await accepts(ports.get(port)!, proxy)
  return {
    broker,
    /** Connects with MQTT.js, sends a large message to itself, and reads the client's address from the log. */
    async roundTrip(entrance: string, scheme: 'mqtt' | 'mqtts' | 'ws') {
      const clientId = `through-${entrance}`
      const client = new MqttClient(() => dial(scheme, ports.get(entrance)!), { clientId, protocolVersion: 5 })
      await new Promise(resolve => client.once('connect', resolve))
      await client.subscribeAsync(clientId, { qos: 1 })
      const received = nextMessage(client)
      const payload = Buffer.alloc(1_000_000, 'x')
      await client.publishAsync(clientId, payload, { qos: 1 })
      assert.deepEqual((await received).payload, payload)
      await client.endAsync()
      await broker.process.says(new RegExp(`client connected clientId=${clientId} address=127\\.0\\.0\\.2 `))
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      await broker.process.stop()
    },
  }
}

function dial(scheme: 'mqtt' | 'mqtts' | 'ws', port: number): Duplex {
  const at = { port, host: '127.0.0.1', localAddress: ELSEWHERE, rejectUnauthorized: false }
  if (scheme === 'mqtt') return net.connect(at)
  if (scheme === 'mqtts') return tls.connect(at)
  return createWebSocketStream(new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ['mqtt'], { localAddress: ELSEWHERE }))
}

function portOf(url = ''): number {
  return Number(new URL(url).port)
}

/** Resolves when a port accepts connections; the proxies do not say when they are ready. */
async function accepts(port: number, proxy: RunningProcess): Promise<void> {
  for (;;) {
    if (proxy.child.exitCode !== null) assert.fail(proxy.stderr)
    const socket = net.connect(port, '127.0.0.1')
    const isUp = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isUp) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
