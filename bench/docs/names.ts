/** The names of brokers in the documentation. */
import type { Results } from '../report/results.js'
import { type BrokerName, brokers } from '../types.js'

const products = {
  anax: 'Anax',
  command: 'Anax',
  relay: 'relay',
  mosquitto: 'Mosquitto',
  'mosquitto-2.1': 'Mosquitto',
  rumqttd: 'rumqttd',
  mochi: 'Mochi',
  aedes: 'Aedes',
} as const

const stores = {
  memory: 'memory',
  'lmdb-commit': 'LMDB, `commit`',
  'lmdb-sync': 'LMDB, `sync`',
  level: 'level',
  autosave: 'memory, saved each half an hour',
  'autosave-1s': 'memory, saved each second',
} as const

/** With as much of the version as is needed to distinguish two of them. */
export function nameOf(name: BrokerName, { versions }: Results): string {
  const product = products[brokers[name].program]
  const version = versions[name]
  if (product === 'Anax' || version === undefined) return product
  return `${product} ${version.split('.').slice(0, 2).join('.')}`
}

export function storeNameOf(name: BrokerName): string {
  return stores[brokers[name].store]
}

/** All brokers that took part, with the whole version. */
export function versionsText({ versions, brokers: names, machine }: Results): string {
  const others = names.filter(name => products[brokers[name].program] !== 'Anax' && brokers[name].store === 'memory')
  const list = others.flatMap(name =>
    versions[name] === undefined ? [] : [`${products[brokers[name].program]} ${versions[name]}`],
  )
  return [`Node.js ${machine.node}`, ...list].join(', ')
}
