/**
 * Runs the command's broker from start to end: files, broker, listeners, greeting, signals.
 * Combines the parts; must not know their details.
 */
import type { TlsOptions } from 'node:tls'
import type { Broker } from '../../../types/broker/broker.js'
import type { Logger } from '../../../types/logger.js'
import { LogTail } from '../../admin/index.js'
import type { Auth } from '../../auth/index.js'
import { createBroker } from '../../index.js'
import { publishPresence } from '../../presence/index.js'
import { createServer, type ListenerOptions, type Server } from '../../server/server.js'
import { CommandError } from '../command-error.js'
import { LineLogger } from '../log/logger.js'
import { missingSteps, missingText } from '../options/public.js'
import type { Settings } from '../options/settings.js'
import { readTextFile } from '../text-file.js'
import { accessOf } from './access.js'
import { type AdminPort, openAdmin } from './admin.js'
import { greeting } from './greeting.js'
import { type HealthPort, openHealth } from './health.js'
import { letHeapGrow } from './heap.js'
import { type MetricsPort, openMetrics } from './metrics.js'
import { clientsThatFit } from './open-files.js'
import { createPrivately } from './private-files.js'
import { Signals } from './signals.js'
import { storeOf } from './store.js'
import { certificateWarning, warningsOf } from './warnings.js'

/** The broker's default. */
const MAX_CONNECTIONS = 100_000

/** Time for clients, store and bus to close. */
const CLOSE_TIMEOUT_MS = 2000

/** The process exits after this time even if clients have not read their last bytes. */
const EXIT_TIMEOUT_MS = 5000

/** Resolves when the broker runs; it ends by a signal. */
export async function run(settings: Settings): Promise<void> {
  letHeapGrow()
  const userId = process.getuid?.()
  const missing = settings.isPublic ? missingSteps(settings, userId) : []
  if (missing.length > 0) throw new CommandError(missingText(missing), 2)
  createPrivately()
  const logger = new LogTail(loggerOf(settings))
  const signals = new Signals(logger)
  const listeners = listenersOf(settings)
  const access = await accessOf(settings.access, logger)
  const store = await storeOf(settings)
  const fitting = clientsThatFit()
  const broker = await createBroker({
    ...settings.limits,
    maxConnections: Math.min(settings.limits.maxConnections ?? MAX_CONNECTIONS, fitting),
    ...settings.rates,
    sysInterval: settings.sysInterval,
    ...store.options,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    ...access,
    logger,
  })
  await publishChanges(broker, settings, logger)
  const server = await listen(broker, listeners, logger)
  const beside = await openBeside(broker, settings, server, logger)
  signals.stopWith(() => stop({ broker, server, ...beside }))
  signals.reloadWith(() => readAgain({ access, server, tls: settings.tls }, logger))
  for (const warning of warningsOf(settings, { userId, clientsThatFit: fitting })) logger.warn({}, warning)
  warnOfCertificate(settings.tls, logger)
  const { addresses } = server
  const { admin, metrics, health } = beside
  const urls = { admin: admin?.url, metrics: metrics?.url, health: health?.url }
  process.stdout.write(greeting(settings, { addresses, node: broker.id, store: store.description, ...urls }))
}

/** Each line of a node in a cluster names it. */
function loggerOf({ log, cluster, id }: Settings): Logger {
  const logger = new LineLogger(log)
  return cluster === undefined || id === undefined ? logger : logger.child({ brokerId: id })
}

/** Starts presence before clients can connect, so that it first corrects the messages of an earlier run. */
async function publishChanges(broker: Broker, { presence: shape }: Settings, logger: Logger): Promise<void> {
  if (shape === undefined) return
  await publishPresence(broker, { shape, failed: err => logger.error({ err }, 'presence not published') })
}

async function listen(broker: Broker, listeners: ListenerOptions[], logger: Logger): Promise<Server> {
  try {
    return await createServer(broker, listeners, {
      onError: err => logger.error({ err }, 'listener failed'),
      onRefused: ({ code, message }, { address, transport }) => {
        logger.info({ address, transport, code, error: message }, 'connection refused')
      },
    })
  } catch (error) {
    await broker.close()
    throw error
  }
}

/** Opens the services with their own ports, if they are on. */
async function openBeside(broker: Broker, settings: Settings, server: Server, logger: LogTail) {
  const { admin, metrics, health, limits } = settings
  try {
    return {
      metrics: metrics && (await openMetrics(broker, metrics)),
      health: health && (await openHealth(broker, health)),
      admin: admin && (await openAdmin(broker, admin, limits, logger)),
    }
  } catch (error) {
    await server.close()
    await broker.close()
    throw error
  }
}

function listenersOf(settings: Settings): ListenerOptions[] {
  const { host, ports, unix, tls: files, trustedProxies, proxyProtocol, allowedOrigins } = settings
  // read now, so that a missing file is reported in one line, and again at each reload
  if (files !== undefined) readTls(files)
  const tls = files && (() => readTls(files))
  const common = { host, ...(trustedProxies && { trustedProxies }) }
  const mqtt = { ...common, proxyProtocol }
  const webSocket = {
    ...common,
    ...(allowedOrigins && { allowedOrigins }),
  }
  const listeners: ListenerOptions[] = []
  if (ports.tcp !== undefined) listeners.push({ transport: 'tcp', port: ports.tcp, ...mqtt })
  if (ports.tls !== undefined && tls) listeners.push({ transport: 'tls', port: ports.tls, tls, ...mqtt })
  if (ports.ws !== undefined) listeners.push({ transport: 'ws', port: ports.ws, ...webSocket })
  if (ports.wss !== undefined && tls) listeners.push({ transport: 'wss', port: ports.wss, tls, ...webSocket })
  if (unix !== undefined) listeners.push({ transport: 'unix', path: unix })
  return listeners
}

function readTls({ cert, key, ca }: NonNullable<Settings['tls']>): TlsOptions {
  const pair = { cert: readTextFile(cert), key: readTextFile(key) }
  return ca === undefined ? pair : { ...pair, ca: readTextFile(ca), requestCert: true, rejectUnauthorized: true }
}

interface Readable {
  access: Auth | undefined
  server: Server
  tls: Settings['tls']
}

/** Reads files again. Clients that are no longer allowed are disconnected; an invalid file is logged and ignored. */
function readAgain({ access, server, tls }: Readable, logger: Logger): void {
  // errors of the files were already reported
  access?.reload().then(
    () => logger.info({}, 'users, keys and rules are those of the files'),
    () => {},
  )
  server.reload().then(
    () => warnOfCertificate(tls, logger),
    err => logger.error({ err }, 'what was read before stays in use'),
  )
}

function warnOfCertificate(files: Settings['tls'], logger: Logger): void {
  const warning = files && certificateWarning(readTextFile(files.cert), Date.now())
  if (warning !== undefined) logger.warn({}, warning)
}

interface Stoppable {
  broker: Broker
  server: Server
  admin: AdminPort | undefined
  metrics: MetricsPort | undefined
  health: HealthPort | undefined
}

/**
 * Stops the broker. Closes the ports first, so that clients and load balancers use another node at once; a node of a
 * cluster then hands its sessions over. Afterwards, only the last bytes to clients keep the process alive.
 */
async function stop({ broker, server, admin, metrics, health }: Stoppable): Promise<void> {
  await server.close()
  if (broker.ready && broker.cluster !== undefined) await broker.drain()
  setTimeout(() => process.exit(0), EXIT_TIMEOUT_MS).unref()
  admin?.close()
  metrics?.close()
  health?.close()
  await broker.close()
}
