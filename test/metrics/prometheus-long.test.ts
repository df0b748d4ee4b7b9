/**
 * A real Prometheus scrapes the command, and answers every query of the dashboard and of the alerts. Part of the full
 * run; needs Debian's Prometheus.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { connectClient } from '../support/clients/mqtt.js'
import { effort } from '../support/effort.js'
import { type RunningBroker, RunningProcess, startCommand } from '../support/programs/command.js'
import { freePort } from '../support/programs/free-ports.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'
import { ALERTS, alerts, panelQueries } from './monitoring.js'

const isInstalled = ['prometheus', 'promtool'].every(program => spawnSync(program, ['--version']).error === undefined)
const skip = effort !== 'full' ? 'in the full run only' : !isInstalled && 'prometheus is not installed'

interface Answer {
  status: string
  error?: string
  data?: { result?: unknown[]; groups?: { rules: { name: string; health: string; lastError?: string }[] }[] }
}

describe('Prometheus', { skip }, () => {
  let folder: TemporaryFolder
  let broker: RunningBroker
  let prometheus: RunningProcess
  let url: string

  before(async () => {
    folder = temporaryFolder()
    broker = await startCommand('--metrics', '0')
    const [, target] = await broker.process.says(/^ {2}Metrics +http:\/\/(\S+)\/metrics$/m)
    const config = `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${ALERTS}']
scrape_configs:
  - job_name: anax
    static_configs: [{ targets: ['${target}'] }]
`
    const port = await freePort()
    url = `http://127.0.0.1:${port}/api/v1`
    prometheus = new RunningProcess('prometheus', [
      `--config.file=${folder.write('prometheus.yml', config)}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    await prometheus.says(/ready to receive web requests/i)
    await traffic(broker.urls.mqtt!)
  })
  after(async () => {
    await prometheus?.stop()
    await broker?.process.stop()
    folder?.remove()
  })

  it('accepts the rules', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' })
    assert.equal(status, 0, `${stdout}${stderr}`)
  })

  it('answers every query of the dashboard', async () => {
    await until(async () => ((await query('rate(anax_messages_total[1m])')).data?.result?.length ?? 0) > 0)
    const empty: string[] = []
    for (const text of panelQueries()) {
      const { status, error, data } = await query(text)
      assert.equal(status, 'success', `${text}: ${error}`)
      if (data?.result?.length === 0) empty.push(text)
    }
    // metrics of things that did not happen here: refusals, slow clients, hooks, a cluster
    const unexpected = empty.filter(text => !/refused_total|slow_client|hook_duration|anax_cluster/.test(text))
    assert.deepEqual(unexpected, [])
  })

  it('evaluates every alert', async () => {
    const rules = async () => (await ask('rules')).data?.groups?.[0]?.rules ?? []
    await until(async () => (await rules()).every(({ health }) => health !== 'unknown'))
    const evaluated = await rules()
    assert.deepEqual(
      evaluated.map(({ name, health, lastError }) => [name, health, lastError]),
      alerts().map(({ name }) => [name, 'ok', undefined]),
    )
  })

  async function ask(path: string): Promise<Answer> {
    return (await (await fetch(`${url}/${path}`)).json()) as Answer
  }

  function query(text: string): Promise<Answer> {
    return ask(`query?${new URLSearchParams({ query: text })}`)
  }
})

/** Causes something of each kind that can be shown. */
async function traffic(url: string): Promise<void> {
  const client = await connectClient(url, { protocolVersion: 5 })
  await client.subscribeAsync('t/#', { qos: 1 })
  for (let number = 0; number < 200; number++) await client.publishAsync('t/a', 'x', { qos: 1 })
  await client.endAsync()
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(200)
}
