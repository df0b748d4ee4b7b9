/**
 * A meter of the billing example. A charge is written to disk, with a unique key, before it is published; it is done
 * when the broker has acknowledged it. After a restart, a meter publishes everything again that is not known to be
 * done, with the same key. Arguments: number, number of charges, port, folder.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'mqtt'
import { again } from './again.js'
import { Journal } from './journal.js'

const [number, charges, port, folder] = process.argv.slice(2)
/** Odd meters publish with QoS 1, even ones with QoS 2: both need the key. */
const qos = Number(number) % 2 === 1 ? 1 : 2
const PAUSE_MS = 20

const journal = new Journal(`${folder}/meter-${number}.journal`)
const open = new Map<string, string>()
let count = 0
for (const line of journal.lines) {
  const [what, key, cents] = line.split(' ')
  if (what === 'charge') {
    count++
    open.set(key!, cents!)
  } else {
    open.delete(key!)
  }
}

const client = connect(`mqtt://127.0.0.1:${port}`, {
  clientId: `meter-${number}`,
  clean: false,
  reconnectPeriod: 50,
  reconnectOnConnackError: true,
})
client.on('error', () => {})

const publishing: Promise<void>[] = []
for (const [key, cents] of open) publishing.push(publish(key, cents))
while (count < Number(charges)) {
  const key = `${number}-${++count}`
  const cents = `${(count * 37) % 500}`
  journal.append(`charge ${key} ${cents}`)
  publishing.push(publish(key, cents))
  await delay(PAUSE_MS)
}
await Promise.all(publishing)
await client.endAsync()
journal.close()

async function publish(key: string, cents: string): Promise<void> {
  const charge = JSON.stringify({ key, cents: Number(cents) })
  await again(() => client.publishAsync(`charges/${number}`, charge, { qos }))
  journal.append(`done ${key}`)
}
