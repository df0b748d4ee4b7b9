/**
 * The dashboard in a real browser, on a broker with real clients: everyday use at two sizes and in both themes, and
 * axe's checks of accessibility. Part of the full run; needs Debian's Chromium.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { accessSync, mkdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { type Browser, chromium, type Page, type Route } from 'playwright-core'
import { LogTail } from '../../lib/admin/index.js'
import { createMemoryPersistence, type MemoryPersistence } from '../../lib/index.js'
import { effort } from '../support/effort.js'
import { AdminServer } from './admin-server.js'

const PAGES = ['overview', 'clients', 'sessions', 'subscriptions', 'topics', 'dropping', 'log', 'configuration']
const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 360, height: 740 } }

/** The folder for the screenshots; the test prints it. */
const FOLDER = process.env.ANAX_SCREENSHOTS ?? join(tmpdir(), 'anax-screenshots')

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const program = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(exists)

function exists(file: string): boolean {
  try {
    accessSync(file)
    return true
  } catch {
    return false
  }
}

const skip = effort !== 'full' ? 'in the full run only' : program === undefined && 'chromium is not installed'

describe('the dashboard in Chromium', { skip }, () => {
  let server: AdminServer
  let listener: net.Server
  let browser: Browser
  let page: Page
  let clients: MqttClient[]
  let store: MemoryPersistence
  /** Open streams of samples. */
  const live = new Set<ServerResponse>()
  const complaints: string[] = []

  before(async () => {
    const options = { maxQueuedMessages: 5, maxConnections: 200, maxRetainedMessages: 1000 }
    const log = new LogTail()
    store = createMemoryPersistence({})
    const broker = { ...options, maxSessions: 50_000, persistence: store, logger: log }
    server = await AdminServer.start({ sampleMs: 250, broker: options, log }, broker)
    server.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (!request.url!.endsWith('/live')) return
      live.add(response)
      response.once('close', () => live.delete(response))
    })
    listener = net.createServer(server.broker.handle)
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    clients = await Promise.all(
      Array.from({ length: 50 }, (_, number) => connect(`pump-${String(number).padStart(2, '0')}`)),
    )
    await scene()
    mkdirSync(FOLDER, { recursive: true })
    console.log(`Screenshots: ${FOLDER}`)
    browser = await chromium.launch({ executablePath: program!, args: ['--no-sandbox'] })
    page = await browser.newPage({ viewport: SIZES.wide, colorScheme: 'light' })
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', error => complaints.push(error.message))
    await page.goto(`http://127.0.0.1:${server.port}/?token=${server.admin.token}`)
  })
  after(async () => {
    await browser?.close()
    await Promise.all((clients ?? []).map(client => client.endAsync(true)))
    await server?.close()
    listener?.close()
  })

  function connect(clientId: string): Promise<MqttClient> {
    const { port } = listener.address() as net.AddressInfo
    const properties = { sessionExpiryInterval: 3600 }
    const options = {
      clientId,
      username: 'pumps',
      protocolVersion: 5,
      clean: false,
      reconnectPeriod: 0,
      properties,
    } as const
    return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options)
  }

  /** Retained messages, and a disconnected session with messages in its queue. */
  async function scene(): Promise<void> {
    await clients[0]!.subscribeAsync('pumps/+/command', { qos: 1 })
    for (let number = 1; number <= 4; number++) {
      const payload = JSON.stringify({ pressure: 2 + number / 10, state: 'running' })
      await server.broker.publish({ topic: `pumps/${number}/status`, payload, retain: true, qos: 1 })
    }
    const away = await connect('controller')
    await away.subscribeAsync('alarms/#', { qos: 1 })
    await away.endAsync()
    for (let number = 0; number < 3; number++) {
      await server.broker.publish({ topic: 'alarms/pressure', payload: `high at pump ${number}`, qos: 1 })
    }
  }

  async function show(name: string): Promise<void> {
    await page.evaluate(`location.hash = '${name}'`)
    await page.waitForSelector(`nav a[aria-current][href="#${name}"]`)
  }

  it('removes the token from the address and draws live values', async () => {
    assert.equal(new URL(page.url()).search, '')
    await page.waitForSelector('.figure dd')
    assert.match((await page.textContent('.figures')) ?? '', /Connected50/)
    await page.waitForSelector('.chart canvas')
    await page.waitForSelector('header .state.on')
  })

  it('shows the clients, and kicks one', async () => {
    await show('clients')
    await page.locator('tbody tr').nth(49).waitFor()
    await page.fill('input[name=prefix]', 'pump-07')
    await page.keyboard.press('Enter')
    await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' })
    await page.click('button.link')
    await page.click('.details button:text("Kick")')
    const closed = once(server.broker, 'clientDisconnect')
    await page.click('dialog button:text("Kick")')
    await closed
    await page.locator('.details .state.off').waitFor()
    assert.equal((await server.broker.session('pump-07'))?.connected, false)
    assert.equal(server.audits.at(-1)?.target, 'pump-07')
  })

  it('orders the clients by what they send', async () => {
    await show('clients')
    await page.selectOption('main select', 'received')
    const publishing = setInterval(() => {
      for (const number of [3, 9, 9]) clients[number]!.publish('pumps/rate', 'x')
    }, 20)
    await page.locator('main tbody tr').nth(1).waitFor()
    clearInterval(publishing)
    assert.deepEqual(await page.locator('main tbody th').allTextContents(), ['pump-09', 'pump-03'])
    await page.screenshot({ path: join(FOLDER, 'top.png') })
    await page.selectOption('main select', '')
    await page.waitForSelector('tbody tr:has-text("pump-09") td[data-head="In/s"]:not(:text-is("–"))')
  })

  it('lists the clients that get the messages of a topic', async () => {
    await show('subscriptions')
    await page.fill('input[name=topic]', 'pumps/8/command')
    await page.keyboard.press('Enter')
    await page.waitForSelector('main tbody tr:has-text("pump-00"):has-text("pumps/+/command")')
    await page.fill('input[name=topic]', 'other')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.empty:text("There is none.")')
  })

  it('shows the queue of a session, and deletes the session', async () => {
    await show('sessions')
    await page.click('button.link:text("controller")')
    await page.waitForSelector('.details code:text("high at pump 0")')
    await page.screenshot({ path: join(FOLDER, 'session.png'), fullPage: true })
    await page.click('.details button:text("Delete session")')
    await page.click('dialog button:text("Delete session")')
    await page.locator('.details').waitFor({ state: 'detached' })
    assert.equal(await server.broker.session('controller'), undefined)
  })

  it('edits a retained message, and receives it', async () => {
    await show('topics')
    await page.click('button:text("Watch")')
    await page.click('button[aria-label="Edit pumps/2/status"]')
    assert.equal(await page.inputValue('[name=topic]'), 'pumps/2/status')
    await page.fill('textarea', '{"state":"stopped"}')
    await page.click('button[type=submit]:text("Publish")')
    await page.waitForSelector('.retained pre:text("stopped")')
    await page.waitForSelector('section[aria-labelledby=watch] code:text("stopped")')
    for await (const { payload } of server.broker.retained('pumps/2/status')) {
      assert.equal(payload.toString(), '{"state":"stopped"}')
    }
  })

  it('shows a drop as it happens', async () => {
    await show('dropping')
    await clients[0]!.endAsync()
    for (let number = 0; number < 7; number++) {
      await server.broker.publish({ topic: 'pumps/1/command', payload: 'start', qos: 1 })
    }
    await page.waitForSelector('tbody th:has-text("pump-00")')
    await page.waitForSelector('tbody tr:has-text("pump-00"):has-text("queue-full 2")')
  })

  it('shows slow clients, and the log as it is written', async () => {
    const { port } = listener.address() as net.AddressInfo
    const properties = { receiveMaximum: 1 }
    const options = { clientId: 'slow', protocolVersion: 5, properties, reconnectPeriod: 0 } as const
    const slow = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options)
    // never acknowledges
    slow.handleMessage = () => {}
    await slow.subscribeAsync('much', { qos: 1 })
    for (let number = 0; number < 4; number++) await server.broker.publish({ topic: 'much', payload: 'x', qos: 1 })
    await page.waitForSelector('tbody tr:has(button:text-is("slow")):has-text("3")')
    await page.click('button.link:text-is("slow")')
    await page.waitForSelector('.details button:text("Kick")')
    await show('log')
    await page.fill('main input', 'clientId=slow')
    await page.waitForSelector('tbody tr:has-text("client connected")')
    await slow.endAsync(true)
    await page.waitForSelector('tbody tr:has-text("client disconnected")')
    await page.selectOption('main select', 'error')
    await page.waitForSelector('.empty')
  })

  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const theme of ['light', 'dark']) {
      it(`is laid out correctly on every page, ${size} and ${theme}`, async () => {
        await page.setViewportSize(viewport)
        if ((await page.getAttribute('html', 'data-theme')) !== theme) await page.click('header button')
        for (const name of PAGES) {
          await show(name)
          await page.waitForLoadState('networkidle').catch(() => {})
          await page.screenshot({ path: join(FOLDER, `${name}-${size}-${theme}.png`), fullPage: true })
          const width = await page.evaluate<number>('document.documentElement.scrollWidth')
          assert.ok(width <= viewport.width, `${name} is ${width} px wide`)
          assert.deepEqual(await violations(), [], name)
        }
      })
    }
  }

  it('continues a search after an empty answer of the broker', async () => {
    for (let number = 0; number < 25_000; number++) {
      await store.saveSession({ clientId: `device-${number}`, expiryInterval: 3600, expiresAt: Date.now() + 3_600_000 })
    }
    const empty = await server.ask('/api/v1/sessions?username=pumps&limit=50')
    assert.deepEqual([empty.json.items, typeof empty.json.next], [[], 'string'])
    await show('sessions')
    await page.fill('input[name=username]', 'pumps')
    await page.keyboard.press('Enter')
    await page.locator('main tbody tr').nth(40).waitFor()
    await page.fill('input[name=username]', 'nobody')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.empty:text("There is none.")')
  })

  it('has no stream in the background, and catches up when it is visible again', async () => {
    await show('overview')
    const hide = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`)
    const until = async (count: number) => {
      while (live.size !== count) await nextTurn()
    }
    await until(1)
    await hide(true)
    await until(0)
    await hide(false)
    await until(1)
    await page.waitForSelector('header .state.on')
  })

  it('reconnects after a proxy had no broker', async () => {
    const seen = complaints.length
    const away = (route: Route) => route.fulfill({ status: 502, body: 'Bad Gateway' })
    await page.route('**/api/v1/**', away)
    for (const response of live) response.destroy()
    await page.waitForSelector('header .state.off')
    await page.unroute('**/api/v1/**', away)
    await page.waitForSelector('header .state.on')
    // the browser logs each answer of the proxy
    complaints.length = seen
  })

  it('shows that the user has to sign in again', async () => {
    const seen = complaints.length
    await page.context().clearCookies()
    for (const response of live) response.destroy()
    await page.click('header a:text("sign in again")')
    await page.fill('input[name=token]', server.admin.token!)
    await page.click('button')
    await page.waitForSelector('header .state.on')
    complaints.length = seen
  })

  it('violates no Content Security Policy, and has no error', () => {
    assert.deepEqual(complaints, [])
  })

  async function violations(): Promise<string[]> {
    // through the debugger, because the page's Content Security Policy forbids injected scripts
    await page.evaluate(AXE)
    return page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: axe is a global there
      const { violations } = await (globalThis as any).axe.run()
      return violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) => `${id}: ${nodes[0]?.html}`)
    })
  }
})
